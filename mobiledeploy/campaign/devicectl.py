"""A phone on a Mac's cable or network, by `xcrun devicectl`: no host is needed, every call has a time limit.

jobs ─copy to─▶ Documents/jobs/JOB   ── the app measures ──▶   Documents/reports/JOB ─copy from─▶ store
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.campaign.folders import REPORT, read_report_file, write_job_folder
from mobiledeploy.errors import HostError

if TYPE_CHECKING:
    from mobiledeploy.records import Job
    from mobiledeploy.server.blobs import Blobs

__all__ = ["BUNDLE", "AttachedPhone", "attached_phones"]

BUNDLE = "org.mobiledeploy.Harness"
_CONTAINER = ("--domain-type", "appDataContainer", "--domain-identifier", BUNDLE)
_CALL_SECONDS = 60.0
_COPY_SECONDS = 600.0
_POLL_SECONDS = 5.0
_TOLD = 400


@dataclass(frozen=True)
class AttachedPhone:
    """One device as devicectl lists it. `identifier`: what every call names it by."""

    identifier: str
    udid: str
    name: str
    hardware: str

    def install(self, app: Path) -> None:
        """Puts the built app (a .app folder) on the device. Raises HostError."""
        _devicectl("device", "install", "app", "--device", self.identifier, str(app), seconds=_COPY_SECONDS)

    def launch(self) -> None:
        """Starts the app anew; it measures what it finds. Raises HostError."""
        _devicectl("device", "process", "launch", "--terminate-existing", "--device", self.identifier, BUNDLE)

    def put(self, job: Job, blobs: Blobs) -> None:
        """Copies the job into the app's container. Raises HostError."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / job.id
            write_job_folder(job, blobs, place)
            self._copy("to", str(place), f"Documents/jobs/{job.id}")

    def fetch(self, job: str, folder: Path) -> Path | None:
        """The report of the job, copied below `folder`; None while there is none."""
        place = folder / job
        try:
            self._copy("from", f"Documents/reports/{job}", str(place))
        except _NotThereError:
            return None
        return place if (place / REPORT).is_file() else None

    def _copy(self, direction: str, source: str, destination: str) -> None:
        paths = ("--source", source, "--destination", destination)
        _devicectl("device", "copy", direction, "--device", self.identifier, *_CONTAINER, *paths, seconds=_COPY_SECONDS)

    def measure(
        self,
        job: Job,
        blobs: Blobs,
        *,
        told: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> Any:
        """The report of one job, and the outputs beside it, as `read_report_file` gives them.

        Raises HostError when the device does not answer in the plan's time limit and five minutes more.
        """
        told(f"copying {job.package.name} to {self.name}")
        self.put(job, blobs)
        self.launch()
        told(f"{self.name} measures {job.package.name}")
        until = clock() + job.plan.time_limit_seconds + 300.0
        with tempfile.TemporaryDirectory() as folder:
            while (found := self.fetch(job.id, Path(folder))) is None:
                if clock() > until:
                    remedy = "Is the screen on, and the app in front? The same command goes on with what is left."
                    raise HostError(f"{self.name} has not reported in time", where=self.identifier, remedy=remedy)
                sleep(_POLL_SECONDS)
            return read_report_file(found)


def attached_phones() -> tuple[AttachedPhone, ...]:
    """Every device that devicectl knows. Raises HostError where there is no devicectl."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "devices.json"
        _devicectl("list", "devices", "--json-output", str(listing))
        try:
            found = json.loads(listing.read_text(encoding="utf-8"))["result"]["devices"]
            return tuple(_phone(device) for device in found)
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Update Xcode: this was written for the JSON of Xcode 15 and later."
            raise HostError(f"devicectl's list cannot be read: {error!r}", remedy=remedy) from None


def _phone(device: dict[str, Any]) -> AttachedPhone:
    properties, hardware = device.get("deviceProperties", {}), device.get("hardwareProperties", {})
    return AttachedPhone(
        device["identifier"],
        hardware.get("udid", device["identifier"]),
        properties.get("name", device["identifier"]),
        hardware.get("productType", ""),
    )


class _NotThereError(Exception):
    """What was to be copied is not on the device."""


def _devicectl(*arguments: str, seconds: float = _CALL_SECONDS) -> None:
    command = ["xcrun", "devicectl", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        remedy = "Use a Mac with Xcode 15 or later, or --device lan, or `results import` of a file from the phone."
        raise HostError("devicectl is not here", where="xcrun", remedy=remedy) from None
    except subprocess.TimeoutExpired:
        remedy = "Unlock the phone and bring the app to the front; copying hangs while it is locked."
        raise HostError(f"devicectl took more than {seconds:g} s", where=" ".join(command), remedy=remedy) from None
    if done.returncode == 0:
        return
    tail = (done.stderr or done.stdout).strip()[-_TOLD:]
    if "copy" in arguments and "from" in arguments and ("does not exist" in tail or "No such file" in tail):
        raise _NotThereError
    remedy = "Is the phone unlocked, trusted, in developer mode, and the app installed? `xcrun devicectl list devices`."
    raise HostError(f"devicectl failed: {tail}", where=" ".join(command[:5]), remedy=remedy)
