"""Devices that need no network: job after job goes there as a folder, and its report comes back as one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mobiledeploy.campaign.attached_phone import attached_phones
from mobiledeploy.campaign.enqueue import OPEN_STATES
from mobiledeploy.campaign.folders import bring_blobs, read_report_file, write_job_folder
from mobiledeploy.campaign.harness_program import mac_program
from mobiledeploy.campaign.phone_app import put_app
from mobiledeploy.campaign.phone_jobs import PhoneJobs
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
_NONE: Mapping[str, str] = MappingProxyType({})


def measurer(device: str, app: Path | None, told: Callable[[str], None]) -> Measure:
    """How jobs are done on `device`: "mac" for this one, else a phone's identifier, UDID or name as devicectl lists it,
    on which the app is put first (`app`: which one; see `put_app`).

    Raises HostError where there is no such device, or it is not ready.
    """
    if device == MAC:
        program, variables = mac_program(told)
        return lambda job, blobs: measure_by_program(program, job, blobs, told, variables)
    phones = attached_phones()
    named = [phone for phone in phones if device in (phone.identifier, phone.udid, phone.name)]
    if len(named) != 1:
        known = ", ".join(f"{phone.udid} ({phone.name})" for phone in phones) or "none"
        what = f"{len(named)} devices are called `{device}`" if named else f"no device is called `{device}`"
        raise HostError(what, where="--device", remedy=f"devicectl lists: {known}.")
    (phone,) = named
    phone.demand_readiness()
    put_app(phone, app, told)
    return PhoneJobs(phone, told).measure


def measure_by_program(
    program: Path, job: Job, blobs: Blobs, told: Callable[[str], None], variables: Mapping[str, str] = _NONE
) -> tuple[Reported, Mapping[str, bytes]]:
    """By `harness-cli measure JOB REPORT`, with these environment `variables` besides this program's own. Raises
    HostError."""
    told(f"this machine measures {job.package.name}")
    with tempfile.TemporaryDirectory() as folder:
        wanted, made = Path(folder) / "job", Path(folder) / "report"
        write_job_folder(job, blobs, wanted)
        command = [str(program), "measure", str(wanted), str(made)]
        seconds = job.plan.time_limit_seconds + _SPARE_SECONDS
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
                env=os.environ | variables,
            )
        except subprocess.TimeoutExpired:
            remedy = "The same command goes on with what is left; --rounds and --iterations make it shorter."
            raise HostError(
                f"harness-cli took more than {seconds:g} s", where=job.package.name, remedy=remedy
            ) from None
        if done.returncode != 0:
            tail = (done.stderr or done.stdout).strip()[-_TOLD:]
            what = f"harness-cli failed (exit code {done.returncode}): {tail}"
            raise HostError(what, where=job.package.name, remedy=f"By hand: {program} measure {job.package.name}")
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
        problem, remedy = refusal.problem, "Share it again: it was changed on its way, or measured by another version."
        if problem.code == "conflict":
            remedy = "A job keeps the report that came first; `mobiledeploy results list` shows it."
        raise PackageError(problem.message, where=f"report {reported.report.id}", remedy=remedy) from None
