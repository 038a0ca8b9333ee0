"""Devices that need no network: job after job goes there as a folder, and its report comes back as one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.campaign.devicectl import attached_phones
from mobiledeploy.campaign.enqueue import OPEN_STATES
from mobiledeploy.campaign.folders import bring_blobs, read_report_file, write_job_folder
from mobiledeploy.campaign.simulated import harness_cli
from mobiledeploy.errors import HostError, PackageError
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from mobiledeploy.records import Job, Receipt
    from mobiledeploy.server.blobs import Blobs
    from mobiledeploy.server.queue import JobQueue
    from mobiledeploy.server.reception import Reception, Reported

__all__ = ["MAC", "Measure", "bring", "measure_directly", "measurer"]

Measure = Callable[["Job", "Blobs"], "tuple[Reported, Mapping[str, bytes]]"]
"""A job and the blobs it needs, to its report and the outputs beside it."""

MAC = "mac"
_SPARE_SECONDS = 300.0
_TOLD = 400


def measurer(device: str, told: Callable[[str], None]) -> Measure:
    """How jobs are done on `device`: "mac" for this one, else a phone's identifier, UDID or name as devicectl lists it.

    Raises HostError where there is no such device.
    """
    if device == MAC:
        return lambda job, blobs: _measure_here(job, blobs, told)
    phones = attached_phones()
    for phone in phones:
        if device in (phone.identifier, phone.udid, phone.name):
            return lambda job, blobs: phone.measure(job, blobs, told=told)
    known = ", ".join(f"{phone.udid} ({phone.name})" for phone in phones) or "none"
    raise HostError(f"no device is called `{device}`", where="--device", remedy=f"devicectl lists: {known}.")


def _measure_here(job: Job, blobs: Blobs, told: Callable[[str], None]) -> tuple[Reported, Mapping[str, bytes]]:
    if sys.platform != "darwin":
        remedy = "Use --device lan with a phone, or --device simulated for a trial without one."
        raise HostError("Core ML runs on a Mac only", where="--device mac", remedy=remedy)
    return measure_by_program(harness_cli(), job, blobs, told)


def measure_by_program(
    program: Path, job: Job, blobs: Blobs, told: Callable[[str], None]
) -> tuple[Reported, Mapping[str, bytes]]:
    """By `harness-cli measure JOB REPORT`. Raises HostError."""
    told(f"this machine measures {job.package.name}")
    with tempfile.TemporaryDirectory() as folder:
        wanted, made = Path(folder) / "job", Path(folder) / "report"
        write_job_folder(job, blobs, wanted)
        command = [str(program), "measure", str(wanted), str(made)]
        seconds = job.plan.time_limit_seconds + _SPARE_SECONDS
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise HostError(f"harness-cli took more than {seconds:g} s", where=job.package.name) from None
        if done.returncode != 0:
            tail = (done.stderr or done.stdout).strip()[-_TOLD:]
            raise HostError(f"harness-cli failed (exit code {done.returncode}): {tail}", where=job.package.name)
        return read_report_file(made)


def measure_directly(queue: JobQueue, campaign: str, reception: Reception, blobs: Blobs, measure: Measure) -> None:
    """Every open job of the campaign, one after another. Raises HostError, PackageError."""
    for state in queue.states(campaign):
        if state.state in OPEN_STATES:
            bring(reception, blobs, *measure(queue.job(state.id), blobs))


def bring(reception: Reception, blobs: Blobs, reported: Reported, found: Mapping[str, bytes]) -> Receipt:
    """Stores a report that came as a file, and its outputs. Raises PackageError where it does not fit its job."""
    bring_blobs(found, blobs)
    try:
        return reception.bring(reported)
    except Refusal as refusal:
        problem = refusal.problem
        raise PackageError(problem.message, where=f"report {reported.report.id}", remedy=problem.remedy) from None
