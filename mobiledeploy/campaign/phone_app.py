"""The harness app on a phone: put there where it is not, or is another build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.campaign.app_build import BUNDLE, AppBuild, build_command, built_app, read_app
from mobiledeploy.campaign.devicectl import answer, call
from mobiledeploy.errors import HostError

if TYPE_CHECKING:
    from mobiledeploy.campaign.attached_phone import AttachedPhone

__all__ = ["put_app"]

_INSTALL_SECONDS = 600.0


def put_app(phone: AttachedPhone, named: Path | None, told: Callable[[str], None]) -> None:
    """Installs the app `named`, else the built one if there is one, unless that very build is on the phone already;
    without either the one on the phone will do.

    Raises InputError for what is not the app, HostError where there is none or the phone refuses it.
    """
    place, there = named or built_app(), _installed(phone)
    if place is None:
        if there is None:
            remedy = f"Build it: {build_command(phone.udid)}"
            what = f"the harness app is not on {phone.name}, and none is built"
            raise HostError(what, where="--app", remedy=remedy)
        told(f"{phone.name} has the app, version {' '.join(there)}; no other is built here")
        return
    app = read_app(place, phone.udid)
    if app.numbered and there == (app.version, app.number):
        told(f"{phone.name} has this build of the app, version {' '.join(there)}")
        return
    app.demand_signature(phone.udid, phone.name)
    _install(phone, app, told)


def _install(phone: AttachedPhone, app: AppBuild, told: Callable[[str], None]) -> None:
    told(f"installing the app, version {app.version} {app.number}, on {phone.name}")
    bundle = str(app.path.resolve())
    arguments = ("device", "install", "app", "--device", phone.identifier, bundle)
    call(*arguments, phone=phone.called, seconds=_INSTALL_SECONDS)
    if _installed(phone) is None:
        remedy = "Look at the phone: it may ask something. Then run the command again."
        raise HostError(f"{phone.name} has not kept the app", where=str(app.path), remedy=remedy)


def _installed(phone: AttachedPhone) -> tuple[str, str] | None:
    """Version and build number of the app on the phone, which is all that devicectl tells of it; None without it."""
    arguments = ("device", "info", "apps", "--device", phone.identifier, "--bundle-id", BUNDLE)
    apps = answer(*arguments, phone=phone.called).get("apps", [])
    found = next((app for app in apps if app.get("bundleIdentifier") == BUNDLE), None)
    return None if found is None else (str(found.get("version", "")), str(found.get("bundleVersion", "")))
