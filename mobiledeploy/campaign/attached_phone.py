"""A phone on a Mac's cable or network: no host is needed, every call has a time limit.

app  ─install─▶ phone
jobs ─copy to─▶ Documents/jobs/JOB   ── the app measures ──▶   Documents/reports/JOB ─copy from─▶ store
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.campaign.app_build import BUNDLE, AppBuild, build_command, built_app, read_app
from mobiledeploy.campaign.device_refusals import PhoneName
from mobiledeploy.campaign.devicectl import NotOnDeviceError, answer, call
from mobiledeploy.campaign.folders import REPORT, read_report_file, write_job_folder
from mobiledeploy.errors import HostError

if TYPE_CHECKING:
    from mobiledeploy.records import Job
    from mobiledeploy.server.blobs import Blobs

__all__ = ["AttachedPhone", "attached_phones"]

_CONTAINER = ("--domain-type", "appDataContainer", "--domain-identifier", BUNDLE)
_LONG_SECONDS = 600.0
_POLL_SECONDS = 5.0
_SPARE_SECONDS = 300.0


@dataclass(frozen=True)
class AttachedPhone:
    """One device as devicectl lists it. `identifier`: what every call names it by. `pairing`, `tunnel`,
    `developer_mode`: the words of its listing, empty where it has none."""

    identifier: str
    udid: str
    name: str
    hardware: str
    pairing: str = ""
    tunnel: str = ""
    developer_mode: str = ""

    def demand_readiness(self) -> None:
        """Raises HostError for a phone of which the listing says that nothing will work."""
        if self.pairing not in ("", "paired"):
            remedy = (
                f"Connect it by cable, unlock it, answer Trust; or `xcrun devicectl manage pair --device {self.udid}`."
            )
            raise HostError(f"{self.name} is not paired with this Mac", where=self.udid, remedy=remedy)
        if self.tunnel == "unavailable":
            remedy = "Connect it by cable and unlock it. `xcrun devicectl list devices` shows what is there."
            raise HostError(f"{self.name} is not connected", where=self.udid, remedy=remedy)
        if self.developer_mode == "disabled":
            remedy = "Turn it on: Settings, Privacy & Security, Developer Mode (the phone restarts)."
            raise HostError(f"developer mode is off on {self.name}", where=self.udid, remedy=remedy)

    def put_app(self, named: Path | None, told: Callable[[str], None]) -> None:
        """Installs the app `named`, else the built one if there is one, unless that very build is on the phone already;
        without either the one on the phone will do.

        Raises InputError for what is not the app, HostError where there is none or the phone refuses it.
        """
        place = named or built_app()
        there = self.installed()
        if place is None:
            if there is None:
                remedy = f"Build it: {build_command(self.udid)}"
                raise HostError(
                    f"the harness app is not on {self.name}, and none is built", where="--app", remedy=remedy
                )
            told(f"{self.name} has the app, version {' '.join(there)}; no other is built here")
            return
        app = read_app(place, self.udid)
        if app.numbered and there == (app.version, app.number):
            told(f"{self.name} has this build of the app, version {' '.join(there)}")
            return
        app.demand_signature(self.udid, self.name)
        self._install(app, told)

    def _install(self, app: AppBuild, told: Callable[[str], None]) -> None:
        told(f"installing the app, version {app.version} {app.number}, on {self.name}")
        self._call(
            "device", "install", "app", "--device", self.identifier, str(app.path.resolve()), seconds=_LONG_SECONDS
        )
        if self.installed() is None:
            remedy = "Look at the phone: it may ask something. Then run the command again."
            raise HostError(f"{self.name} has not kept the app", where=str(app.path), remedy=remedy)

    def installed(self) -> tuple[str, str] | None:
        """Version and build number of the app on the phone, None without it. Raises HostError."""
        arguments = ("device", "info", "apps", "--device", self.identifier, "--bundle-id", BUNDLE)
        apps = answer(*arguments, phone=PhoneName(self.name, self.udid)).get("apps", [])
        found = next((app for app in apps if app.get("bundleIdentifier") == BUNDLE), None)
        return None if found is None else (str(found.get("version", "")), str(found.get("bundleVersion", "")))

    def launch(self) -> None:
        """Starts the app anew; it measures what it finds. Raises HostError."""
        self._call("device", "process", "launch", "--terminate-existing", "--device", self.identifier, BUNDLE)

    def put(self, job: Job, blobs: Blobs) -> None:
        """Copies the job into the app's container. Raises HostError."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / job.id
            write_job_folder(job, blobs, place)
            self._copy("to", str(place), f"Documents/jobs/{job.id}")

    def fetch(self, job: str, folder: Path) -> Path | None:
        """The report of the job, copied below `folder`; None while there is none. Raises HostError."""
        place = folder / job
        try:
            self._copy("from", f"Documents/reports/{job}", str(place))
        except NotOnDeviceError:
            return None
        # a folder is copied as `destination`, or into it
        return next((each for each in (place, place / job) if (each / REPORT).is_file()), None)

    def _copy(self, direction: str, source: str, destination: str) -> None:
        paths = ("--source", source, "--destination", destination)
        self._call("device", "copy", direction, "--device", self.identifier, *_CONTAINER, *paths, seconds=_LONG_SECONDS)

    def _call(self, *arguments: str, seconds: float = 60.0) -> None:
        call(*arguments, phone=PhoneName(self.name, self.udid), seconds=seconds)

    def measure(
        self,
        job: Job,
        blobs: Blobs,
        *,
        told: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> Any:
        """The report of one job, and the outputs beside it, as `read_report_file` gives them. One that an interrupted
        command has left on the phone is fetched, and not measured again.

        Raises HostError when the device does not answer in the plan's time limit and five minutes more.
        """
        with tempfile.TemporaryDirectory() as left:
            found = self.fetch(job.id, Path(left))
            if found is not None:
                told(f"{self.name} has measured {job.package.name} already")
                return read_report_file(found)
        told(f"copying {job.package.name} to {self.name}")
        self.put(job, blobs)
        self.launch()
        told(f"{self.name} measures {job.package.name}")
        until = clock() + job.plan.time_limit_seconds + _SPARE_SECONDS
        return self._awaited(job, until, told, sleep, clock)

    def _awaited(
        self,
        job: Job,
        until: float,
        told: Callable[[str], None],
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> Any:
        """A phone that cannot be asked for a while goes on measuring: it is asked again, as long as there is time."""
        trouble = ""
        while True:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    if (found := self.fetch(job.id, Path(folder))) is not None:
                        return read_report_file(found)
                    trouble = ""
                except HostError as error:
                    if error.what != trouble:
                        told(f"{error.what}; asking again")
                    trouble = error.what
            if clock() > until:
                remedy = "Is the screen on, and the app in front? The same command goes on with what is left."
                what = f"{self.name} has not reported in time" + (f": {trouble}" if trouble else "")
                raise HostError(what, where=self.identifier, remedy=remedy)
            sleep(_POLL_SECONDS)


def attached_phones() -> tuple[AttachedPhone, ...]:
    """Every device that devicectl knows but Xcode's simulators. Raises HostError where there is no devicectl."""
    found = answer("list", "devices")
    try:
        return tuple(_phone(device) for device in found["devices"] if not _simulated(device))
    except (KeyError, TypeError, AttributeError) as error:
        remedy = "Update Xcode: this was written for the JSON of Xcode 15 and later."
        raise HostError(f"devicectl's list cannot be read: {error!r}", remedy=remedy) from None


def _simulated(device: dict[str, Any]) -> bool:
    return bool(device.get("hardwareProperties", {}).get("reality") == "simulated")


def _phone(device: dict[str, Any]) -> AttachedPhone:
    properties, hardware = device.get("deviceProperties", {}), device.get("hardwareProperties", {})
    connection = device.get("connectionProperties", {})
    return AttachedPhone(
        device["identifier"],
        hardware.get("udid", device["identifier"]),
        properties.get("name", device["identifier"]),
        hardware.get("productType", ""),
        _word(connection.get("pairingState")),
        _word(connection.get("tunnelState")),
        _word(properties.get("developerModeStatus")),
    )


def _word(value: object) -> str:
    """Newer documents write a case as an object of one key."""
    if isinstance(value, dict):
        return str(next(iter(value), ""))
    return value if isinstance(value, str) else ""
