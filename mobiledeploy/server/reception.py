"""A report comes in: checked, stored once, and never again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from mobiledeploy.errors import PackageError
from mobiledeploy.records import BenchmarkReport, Job, Receipt, codec
from mobiledeploy.server.inspection import faults, standing
from mobiledeploy.server.ledger import Ledger, utc
from mobiledeploy.server.queue import end_leases, was_given
from mobiledeploy.server.refusal import Refusal
from mobiledeploy.server.tables import jobs, reports

if TYPE_CHECKING:
    from mobiledeploy.records.exchange import ProblemCode
    from mobiledeploy.server.blobs import Blobs
    from mobiledeploy.server.pairing import Device

__all__ = ["MOST_ELEMENTS", "Reception", "Reported", "read_report", "refused_document"]

MOST_ELEMENTS = 4_000_000
"""Elements of the JSON of one report: four compute units of 120,000 predictions with two numbers each, and room. Each
takes up to 70 bytes when it is read, which 64 MiB of the shortest ones would make gigabytes."""

_REMEDY = "Update the app on the phone."


@dataclass(frozen=True)
class Reported:
    """`body`: the document as it was sent."""

    report: BenchmarkReport
    body: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def read_report(body: bytes) -> Reported:
    """Raises Refusal for what is no report."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_ELEMENTS:
        raise Refusal(413, "too-large", f"a report has at most {MOST_ELEMENTS} elements", "Measure fewer rounds.")
    try:
        text = body.decode()
        report = codec.loads(BenchmarkReport, text, where="report", remedy=_REMEDY)
    except UnicodeDecodeError as error:
        raise Refusal(400, "malformed", f"the report is not UTF-8: {error.reason}", _REMEDY) from None
    except PackageError as error:
        raise refused_document(error) from None
    return Reported(report, body)


def refused_document(error: PackageError) -> Refusal:
    """For a document that is no record of the kind that was asked for; `schema` where it is another kind, or a newer
    version of it, else `malformed`."""
    code: ProblemCode = "schema" if error.what.startswith(("schema ", "no `schema`")) else "malformed"
    newer = code == "schema" and error.remedy == "Update mobiledeploy."
    remedy = "Update mobiledeploy on the host." if newer else _REMEDY
    return Refusal(400, code, f"{error.what} ({error.where})", remedy)


class Reception:
    """Takes reports for the jobs of one store."""

    def __init__(self, ledger: Ledger, blobs: Blobs) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def take(self, device: Device, job: str, reported: Reported) -> Receipt:
        """Stores the report of `job` by `device`. `first` of the receipt is False for one that is stored already.

        Raises Refusal: there is no such job; it was never given to this device; it has another report; the report does
        not fit it.
        """
        with self._ledger.writing() as connection:
            document, about = _known_job(connection, device, job)
            if (receipt := _receipt(connection, job, reported)) is not None:
                return receipt
            self._check(device, codec.loads(Job, document, where="the store"), reported.report)
            _store(connection, job, reported, about=about, device=device.id)
            end_leases(connection, job)
        return Receipt(reported.report.id, True)

    def _check(self, device: Device, job: Job, report: BenchmarkReport) -> None:
        found = list(faults(report, job, self._blobs))
        if (report.device.kind, report.device.hardware) != (device.identity.kind, device.identity.hardware):
            found.append("it is of another device than was paired")
        if found:
            raise Refusal(400, "malformed", "the report does not fit its job: " + "; ".join(found[:5]), _REMEDY)

    def bring(self, reported: Reported) -> Receipt:
        """Stores a report that came as a file. Where this store knows the job, the report must fit it.

        Raises Refusal as `take` does.
        """
        job = reported.report.job
        with self._ledger.writing() as connection:
            if (receipt := _receipt(connection, job, reported)) is not None:
                return receipt
            known = connection.execute(select(jobs.c.document, jobs.c.about).where(jobs.c.id == job)).first()
            if known is not None:
                found = list(faults(reported.report, codec.loads(Job, known.document, where="the store"), self._blobs))
                if found:
                    raise Refusal(400, "malformed", "the report does not fit its job: " + "; ".join(found[:5]), _REMEDY)
            _store(connection, job, reported, about=known.about if known else "{}", device=None)
            end_leases(connection, job)
        return Receipt(reported.report.id, True)


def _known_job(connection: Connection, device: Device, job: str) -> tuple[str, str]:
    row = connection.execute(select(jobs.c.document, jobs.c.about).where(jobs.c.id == job)).first()
    if row is None:
        raise Refusal(404, "not-found", "there is no such job", "Ask for the next job.")
    if not was_given(connection, job, device.id):
        raise Refusal(403, "forbidden", "this job was never given to this device", "Ask for the next job.")
    return row.document, row.about


def _receipt(connection: Connection, job: str, reported: Reported) -> Receipt | None:
    """The receipt of a report that is stored; None where the job has none. Raises Refusal for a different one."""
    id_ = reported.report.id
    stored = connection.execute(
        select(reports.c.job, reports.c.id, reports.c.digest).where((reports.c.job == job) | (reports.c.id == id_))
    ).all()
    if not stored:
        return None
    if [(row.job, row.id, row.digest) for row in stored] == [(job, id_, reported.digest)]:
        return Receipt(id_, False)
    what = "the job has another report" if any(row.job == job for row in stored) else "another job has this report"
    raise Refusal(409, "conflict", what, "Drop this one and ask for the next job.")


def _store(connection: Connection, job: str, reported: Reported, *, about: str, device: str | None) -> None:
    row = {
        "job": job,
        "id": reported.report.id,
        "device": device,
        "digest": reported.digest,
        "standing": standing(reported.report),
        "imported": device is None,
        "document": reported.body.decode(),
        "about": about,
        "received": utc(),
    }
    connection.execute(insert(reports).values(row))
