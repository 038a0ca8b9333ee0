"""Jobs for a phone on a Mac: no host is needed, every call has a time limit.

job ─copy to─▶ Documents/jobs/JOB   ── the app measures ──▶   Documents/reports/JOB ─copy from─▶ store
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mobiledeploy.campaign.app_build import BUNDLE
from mobiledeploy.campaign.devicectl import NotOnDeviceError, call
from mobiledeploy.campaign.folders import REPORT, read_report_file, write_job_folder
from mobiledeploy.errors import HostError, PackageError

if TYPE_CHECKING:
    from mobiledeploy.campaign.attached_phone import AttachedPhone
    from mobiledeploy.records import Job
    from mobiledeploy.server.blobs import Blobs
    from mobiledeploy.server.reception import Reported

__all__ = ["PhoneJobs"]

_CONTAINER = ("--domain-type", "appDataContainer", "--domain-identifier", BUNDLE)
_COPY_SECONDS = 600.0
_POLL_SECONDS = 5.0
_SPARE_SECONDS = 300.0
_UNREADABLE = 3

Delivered: TypeAlias = "tuple[Reported, Mapping[str, bytes]]"


@dataclass(frozen=True)
class PhoneJobs:
    """What `phone` is asked to measure, one job after the other. `told`: what happens, in words."""

    phone: AttachedPhone
    told: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def measure(self, job: Job, blobs: Blobs) -> Delivered:
        """The report of one job, and the outputs beside it, as `read_report_file` gives them. One that an interrupted
        command has left on the phone is fetched, and not measured again.

        Raises HostError when the device does not answer in the plan's time limit and five minutes more.
        """
        name, package = self.phone.name, job.package.name
        if (left := self._left(job)) is not None:
            self.told(f"{name} has measured {package} already")
            return left
        self.told(f"copying {package} to {name}")
        self._put(job, blobs)
        call(*self._launching(), phone=self.phone.called)
        self.told(f"{name} measures {package}")
        return self._awaited(job, self.clock() + job.plan.time_limit_seconds + _SPARE_SECONDS)

    def _left(self, job: Job) -> Delivered | None:
        """Whatever hinders this is told by what comes after it, and must not hinder a phone that has no report yet."""
        try:
            return self._fetched(job)
        except (HostError, PackageError):
            return None

    def _launching(self) -> tuple[str, ...]:
        """Starts the app anew; it measures what it finds."""
        return ("device", "process", "launch", "--terminate-existing", "--device", self.phone.identifier, BUNDLE)

    def _awaited(self, job: Job, until: float) -> Delivered:
        """A phone that cannot be asked for a while goes on measuring: it is asked again, as long as there is time. A
        report that cannot be read stays so, unless its transfer was at fault."""
        trouble, unreadable = "", 0
        while True:
            try:
                if (found := self._fetched(job)) is not None:
                    return found
                trouble = ""
            except (HostError, PackageError) as error:
                unreadable += isinstance(error, PackageError)
                if unreadable > _UNREADABLE:
                    raise
                if error.what != trouble:
                    self.told(f"{error.what}; asking again")
                trouble = error.what
            if self.clock() > until:
                remedy = "Is the screen on, and the app in front? The same command goes on with what is left."
                what = f"{self.phone.name} has not reported in time" + (f": {trouble}" if trouble else "")
                raise HostError(what, where=self.phone.identifier, remedy=remedy)
            self.sleep(_POLL_SECONDS)

    def _put(self, job: Job, blobs: Blobs) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / job.id
            write_job_folder(job, blobs, place)
            self._copy("to", str(place), f"Documents/jobs/{job.id}")

    def _fetched(self, job: Job) -> Delivered | None:
        """None while the phone has no report of it. Raises HostError where not all of one has come."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / job.id
            # a folder is copied only where one is; its files come to lie in it, or, with other versions, one deeper
            place.mkdir()
            try:
                self._copy("from", f"Documents/reports/{job.id}", str(place))
            except NotOnDeviceError:
                return None
            found = next((each for each in (place, place / job.id) if (each / REPORT).is_file()), None)
            return None if found is None else _whole(found, self.phone.name)

    def _copy(self, direction: str, source: str, destination: str) -> None:
        paths = ("--source", source, "--destination", destination)
        arguments = ("device", "copy", direction, "--device", self.phone.identifier, *_CONTAINER, *paths)
        call(*arguments, phone=self.phone.called, seconds=_COPY_SECONDS)


def _whole(folder: Path, phone: str) -> Delivered:
    """Raises HostError where outputs that the report names are not beside it: the copy was broken off."""
    reported, found = read_report_file(folder)
    outputs = (sample for unit in reported.report.units for sample in unit.outputs)
    missing = {tensor.sha256 for sample in outputs for tensor in sample.outputs} - found.keys()
    if missing:
        what = f"the report of {phone} came without {len(missing)} of its outputs"
        raise HostError(what, where=str(folder), remedy="Run the command again: it fetches what is left.")
    return reported, found
