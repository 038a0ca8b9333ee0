"""The harness app as it was built: where it is, which build it is, for which phones it is signed."""

from __future__ import annotations

import plistlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from mobiledeploy.errors import HostError, InputError

__all__ = ["BUNDLE", "AppBuild", "build_command", "built_app", "read_app"]

BUNDLE = "org.mobiledeploy.Harness"
_PROJECT = Path(__file__).resolve().parents[2] / "ios_harness"
_BUILT = Path(".build") / "app" / "Build" / "Products" / "Release-iphoneos" / "HarnessApp.app"
_UNNUMBERED = "1"


def build_command(udid: str = "UDID", project: Path = _PROJECT) -> str:
    """The one command that builds the app for the phone `udid`, as ios_harness/README.md has it.

    A build for no phone in particular is signed for those that the team has registered already; naming the phone makes
    Xcode register it. The build number tells the commit, because devicectl tells nothing else of an installed app.
    """
    folder = shlex.quote(str(project)) if project.is_dir() else project.name
    return (
        f"cd {folder} && xcodebuild -project HarnessApp.xcodeproj -scheme HarnessApp -configuration Release "
        f"-destination 'platform=iOS,id={udid}' -derivedDataPath .build/app -allowProvisioningUpdates "
        "-allowProvisioningDeviceRegistration DEVELOPMENT_TEAM=YOURTEAM "
        "MOBILEDEPLOY_COMMIT=$(git describe --always --dirty --abbrev=40 --exclude='*') "
        "CURRENT_PROJECT_VERSION=$(git rev-list --count HEAD).$((0x$(git rev-parse --short=7 HEAD)))"
    )


@dataclass(frozen=True)
class AppBuild:
    """`version`, `number`: CFBundleShortVersionString and CFBundleVersion. `commit`: of the sources, empty where the
    build did not record it. `phones`: the UDIDs that its profile names, None where it names none."""

    path: Path
    version: str
    number: str
    commit: str
    phones: frozenset[str] | None = None

    @property
    def numbered(self) -> bool:
        """Whether no other build has the same version and number: it was made of a commit, and of nothing else."""
        return self.number != _UNNUMBERED and self.commit != "" and not self.commit.endswith("-dirty")

    def demand_signature(self, udid: str, phone: str) -> None:
        """Raises HostError where its profile names other phones only."""
        if self.phones is not None and udid not in self.phones:
            remedy = f"Build it for this phone: {build_command(udid)}"
            raise HostError(f"the app is not signed for {phone}", where=str(self.path), remedy=remedy)


def built_app(project: Path = _PROJECT) -> Path | None:
    """Where the documented command leaves the app, if it has been run."""
    place = project / _BUILT
    return place if place.is_dir() else None


def read_app(path: Path, udid: str = "UDID", now: datetime | None = None) -> AppBuild:
    """The .app bundle at `path`. Raises InputError for what is none, is another app, or cannot run on any phone."""
    try:
        info = _property_list((path / "Info.plist").read_bytes())
    except OSError:
        info = None
    if info is None:
        remedy = f"Name the HarnessApp.app that this builds: {build_command(udid)}"
        raise InputError(f"{path} is no app: it has no Info.plist that can be read", where="--app", remedy=remedy)
    wrong = _unfit(path, info, now or datetime.now(UTC))
    if wrong is not None:
        raise InputError(
            f"{path.name} {wrong}", where=str(path), remedy=f"Build it for the phone: {build_command(udid)}"
        )
    return AppBuild(
        path,
        str(info.get("CFBundleShortVersionString", "")),
        str(info.get("CFBundleVersion", "")),
        str(info.get("MobileDeployCommit", "")),
        _phones(_profile(path)),
    )


def _unfit(path: Path, info: Mapping[str, Any], now: datetime) -> str | None:
    if info.get("CFBundleIdentifier") != BUNDLE:
        return f"is another app, {info.get('CFBundleIdentifier')}"
    if "iPhoneSimulator" in info.get("CFBundleSupportedPlatforms", ()):
        return "was built for the simulator"
    profile = _profile(path)
    if profile is None:
        return "is not signed"
    expires = profile.get("ExpirationDate")
    if isinstance(expires, datetime) and expires.replace(tzinfo=UTC) < now:
        return f"was signed with a profile that expired on {expires:%Y-%m-%d}"
    return None


def _profile(path: Path) -> Mapping[str, Any] | None:
    """The property list in the signed message that `embedded.mobileprovision` is; empty where it cannot be read."""
    try:
        content = (path / "embedded.mobileprovision").read_bytes()
    except OSError:
        return None
    start, end = content.find(b"<?xml"), content.find(b"</plist>")
    return (_property_list(content[start : end + len(b"</plist>")]) if 0 <= start < end else None) or {}


def _property_list(content: bytes) -> Mapping[str, Any] | None:
    """None for what is no dictionary of Apple's."""
    try:
        found = plistlib.loads(content)
    # what plistlib, expat and base64 raise for bytes that are not theirs
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, ArithmeticError, LookupError):
        return None
    return found if isinstance(found, dict) else None


def _phones(profile: Mapping[str, Any] | None) -> frozenset[str] | None:
    devices = (profile or {}).get("ProvisionedDevices")
    return frozenset(map(str, devices)) if isinstance(devices, list) and devices else None
