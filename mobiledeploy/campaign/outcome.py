"""Stored reports as summaries: all figures are made anew from the raw samples, every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, or_, select

from mobiledeploy.bench.published import published_latencies
from mobiledeploy.bench.summarize import summarize_unit
from mobiledeploy.bench.validity import judge
from mobiledeploy.campaign.device_parity import device_parity, subject_reference
from mobiledeploy.campaign.subject import Subject, read_subject
from mobiledeploy.errors import InputError
from mobiledeploy.records import BenchmarkReport, BenchmarkSummary, codec
from mobiledeploy.server.tables import jobs, reports

if TYPE_CHECKING:
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.records import PublishedLatency, UnitRun, UnitSummary
    from mobiledeploy.server.blobs import Blobs
    from mobiledeploy.server.ledger import Ledger

__all__ = ["StoredReport", "campaign_reports", "count_reports", "find_report", "stored_reports", "summarize"]

_AT_ONCE = 100
"""Documents that are held in memory: each may be many megabytes."""


@dataclass(frozen=True)
class StoredReport:
    """`document`: as it was sent. `received`: UTC, ISO 8601."""

    report: BenchmarkReport
    document: str
    standing: str
    imported: bool
    received: str
    subject: Subject | None


def count_reports(ledger: Ledger) -> dict[str, int]:
    """How many there are of each standing that there is."""
    query = select(reports.c.standing, func.count().label("number")).group_by(reports.c.standing)
    with ledger.reading() as connection:
        return {row.standing: row.number for row in connection.execute(query)}


def stored_reports(ledger: Ledger, standing: str | None = None, *, latest: int | None = None) -> Iterator[StoredReport]:
    """All, oldest first; with `standing` only those of that one, with `latest` so many that came last."""
    query = select(reports.c.job)
    if standing is not None:
        query = query.where(reports.c.standing == standing)
    query = query.order_by(reports.c.received.desc(), reports.c.job.desc()).limit(latest)
    with ledger.reading() as connection:
        named = connection.execute(query).scalars().all()[::-1]
    for start in range(0, len(named), _AT_ONCE):
        wanted = named[start : start + _AT_ONCE]
        found = {each.report.job: each for each in _read(ledger, select(reports).where(reports.c.job.in_(wanted)))}
        yield from (found[job] for job in wanted)


def campaign_reports(ledger: Ledger, campaign: str) -> tuple[StoredReport, ...]:
    """Those of one campaign, in the order of its jobs."""
    query = select(reports).join(jobs, jobs.c.id == reports.c.job).where(jobs.c.campaign == campaign)
    return tuple(_read(ledger, query.order_by(jobs.c.position)))


def find_report(ledger: Ledger, name: str) -> StoredReport:
    """The one whose id or job is `name`, or begins with it and is the only one. Raises InputError."""
    with ledger.reading() as connection:
        exact = select(reports.c.job).where(or_(reports.c.job == name, reports.c.id == name))
        found = set(connection.execute(exact).scalars())
        if name and not found:
            begins = [func.substr(column, 1, len(name)) == name for column in (reports.c.job, reports.c.id)]
            found = set(connection.execute(select(reports.c.job).where(or_(*begins))).scalars())
    if len(found) != 1:
        what = f"no result is called `{name}`" if not found else f"`{name}` is the beginning of {len(found)} results"
        raise InputError(what, where="RESULT", remedy="`mobiledeploy results list` shows them.")
    return next(_read(ledger, select(reports).where(reports.c.job == found.pop())))


def _read(ledger: Ledger, query: Any) -> Iterator[StoredReport]:
    with ledger.reading() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        report = codec.loads(BenchmarkReport, row.document, where=f"report {row.id}", remedy="Update mobiledeploy.")
        yield StoredReport(report, row.document, row.standing, row.imported, row.received, read_subject(row.about))


def summarize(stored: StoredReport, blobs: Blobs) -> BenchmarkSummary:
    """Every figure of one report, with parity and published latencies beside them."""
    report, subject = stored.report, stored.subject
    reference = subject_reference(subject, blobs)
    return BenchmarkSummary(
        report=report.id,
        job=report.job,
        model=subject.model if subject else report.package[:12],
        package=report.package,
        device=report.device,
        app=report.app,
        standing=cast("Any", stored.standing),
        validity=judge(report),
        started=report.started,
        units=tuple(_unit(unit, report, subject, reference, blobs) for unit in report.units),
        imported=stored.imported,
        precision=(subject.precision or None) if subject else None,
        failure=report.failure,
        size=subject.size if subject else None,
        parity_against=subject.reference_of if subject else "original",
    )


def _unit(
    unit: UnitRun, report: BenchmarkReport, subject: Subject | None, reference: Reference | str, blobs: Blobs
) -> UnitSummary:
    summary = summarize_unit(unit, report.plan)
    parity: Any = reference
    if subject is not None and not isinstance(reference, str):
        parity = device_parity(unit, subject, reference, blobs)
    compared = (None, parity) if isinstance(parity, str) else (parity, None)
    published: tuple[PublishedLatency, ...] = ()
    if subject is not None and report.device.kind == "phone":
        published = published_latencies(
            subject.architecture, report.device.hardware, unit.compute_units, subject.resolution
        )
    return replace(summary, parity=compared[0], parity_reason=compared[1], published=published)
