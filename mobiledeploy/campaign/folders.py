"""Jobs and reports as folders, for the ways without a network: devicectl, AirDrop, the Files app.

JOB/job.json     blobs/SHA256…   what a device is to measure
JOB/report.json  blobs/SHA256…   what it measured, with its outputs
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError, OutputError, PackageError
from mobiledeploy.records import codec
from mobiledeploy.server.blobs import is_digest
from mobiledeploy.server.reception import Reported, read_report
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from mobiledeploy.records import Job
    from mobiledeploy.server.blobs import Blobs

__all__ = ["BLOBS", "JOB", "REPORT", "bring_blobs", "read_report_file", "write_job_folder"]

JOB, REPORT, BLOBS = "job.json", "report.json", "blobs"
_MOST_BYTES = 1 << 30
_REMEDY = "Give a report.json, the folder it is in, or a .zip of that folder, as the app shares them."


def write_job_folder(job: Job, blobs: Blobs, folder: Path) -> None:
    """Makes `folder`, with everything that the job needs. Raises OutputError."""
    needed = {file.sha256 for file in job.package.files}
    needed |= {tensor.sha256 for sample in job.samples for tensor in sample.inputs}
    try:
        (folder / BLOBS).mkdir(parents=True)
        for digest in sorted(needed):
            source = blobs.find(digest)
            if source is None:
                raise PackageError(f"blob {digest} is missing", where=str(blobs.folder), remedy="Run `bench` again.")
            (folder / BLOBS / digest).write_bytes(source.read_bytes())
        (folder / JOB).write_text(codec.dumps(job), encoding="utf-8")
    except OSError as error:
        remedy = "Check space and rights."
        raise OutputError(f"cannot write the job: {error.strerror}", where=str(folder), remedy=remedy) from None


def read_report_file(path: Path) -> tuple[Reported, Mapping[str, bytes]]:
    """The report in a file, a folder or a .zip, and the outputs beside it by hash.

    Raises InputError for what holds no report, PackageError for one that is damaged.
    """
    try:
        members = _members(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"cannot read {path.name}: {error}", where=str(path), remedy=_REMEDY) from None
    if REPORT not in members:
        raise InputError(f"{path.name} holds no {REPORT}", where=str(path), remedy=_REMEDY)
    try:
        reported = read_report(members.pop(REPORT))
    except Refusal as refusal:
        raise PackageError(refusal.problem.message, where=str(path), remedy=_remedy(refusal)) from None
    return reported, members


def _remedy(refusal: Refusal) -> str:
    """Of a file: nobody is at the other end to be told what a phone is told."""
    problem = refusal.problem
    newer = problem.code == "schema" and "is newer than" in problem.message
    return "Update mobiledeploy." if newer else f"The file is damaged, or no report: share it again. {_REMEDY}"


def _members(path: Path) -> dict[str, bytes]:
    """The report and the blobs; every other name is passed over, so that none can lead anywhere."""
    if path.is_dir():
        found = {REPORT: (path / REPORT).read_bytes()} if (path / REPORT).is_file() else {}
        blobs = path / BLOBS
        files = blobs.iterdir() if blobs.is_dir() else iter(())
        return found | {file.name: file.read_bytes() for file in files if is_digest(file.name)}
    if path.suffix != ".zip":
        return {REPORT: path.read_bytes()}
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        wanted = {name: member for member in archive.infolist() if (name := _wanted(member.filename))}
        if sum(member.file_size for member in wanted.values()) > _MOST_BYTES:
            raise zipfile.BadZipFile("it unpacks to more than 1 GiB")
        return {name: archive.read(member) for name, member in wanted.items()}


def _wanted(name: str) -> str | None:
    last = name.rpartition("/")[2]
    return last if last == REPORT or (is_digest(last) and f"{BLOBS}/" in name) else None


def bring_blobs(found: Mapping[str, bytes], blobs: Blobs) -> None:
    """Keeps outputs under their hashes. Raises PackageError where one has another hash than its name."""
    for digest, content in found.items():
        if blobs.find(digest) is None:
            with blobs.receive(digest) as incoming:
                incoming.write(content)
                if not incoming.keep():
                    raise PackageError(f"{digest} has another hash than its name", remedy="Share the report again.")
