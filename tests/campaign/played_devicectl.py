"""Apple's `xcrun devicectl`, played: the subcommands and options of its documentation and no others, the JSON that it
writes, and the words it has for what can go wrong. The phone is a folder, which measures as soon as its app starts.

ROOT/scenario.json     what the phone is like, and what fails
ROOT/app.json          the installed app's Info.plist, as far as devicectl tells
ROOT/container/        the app's data
ROOT/calls.txt         every call
ROOT/breaks            where it is, the next copy from the phone breaks
"""

from __future__ import annotations

import argparse
import json
import plistlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["BUNDLE", "DEVICE", "LOCKED", "run"]

BUNDLE = "org.mobiledeploy.Harness"
DEVICE = {
    "identifier": "0000-ABCD",
    "connectionProperties": {"pairingState": "paired", "transportType": "wired", "tunnelState": "disconnected"},
    "deviceProperties": {"name": "Zoe's iPhone", "developerModeStatus": "enabled", "osVersionNumber": "18.1"},
    "hardwareProperties": {"udid": "00008101-1", "productType": "iPhone13,2", "platform": "iOS", "reality": "physical"},
}
LOCKED = """20:04:03  Acquired tunnel connection to device.
ERROR: The application failed to launch. (com.apple.dt.CoreDeviceError error 10002 (0x2712))
       BundleIdentifier = org.mobiledeploy.Harness
           NSLocalizedFailureReason = The request was denied by service delegate (SBMainWorkspace) for reason: Locked \
("Unable to launch org.mobiledeploy.Harness because the device was not, or could not be, unlocked").
           BSErrorCodeDescription = Locked
"""
_NO_CONTAINER = "ERROR: The operation could not be completed. (ContainerLookupErrorDomain error -1)"
_NO_NODE = "ERROR: Failed to retrieve the file node for {} (com.apple.dt.CoreDeviceError error 7000 (0x1B58))"


def run(arguments: list[str], root: Path) -> None:
    """Does what the command line says, or leaves with the exit code and the words of a refusal."""
    with (root / "calls.txt").open("a") as log:
        log.write(" ".join(arguments) + "\n")
    assert arguments[0] == "devicectl"
    asked = _parser().parse_args(arguments[1:])
    scenario = json.loads((root / "scenario.json").read_text())
    failure = scenario["fails"].get(asked.kind)
    if isinstance(failure, list):
        failure = failure.pop(0) if failure else None
        (root / "scenario.json").write_text(json.dumps(scenario))
    if failure == "hang":
        time.sleep(600)
    if failure:
        sys.exit(failure)
    if getattr(asked, "device", DEVICE["identifier"]) not in (DEVICE["identifier"], "00008101-1", "Zoe's iPhone"):
        sys.exit("ERROR: The specified device was not found. (com.apple.dt.CoreDeviceError error 1000 (0x3E8))")
    result = asked.act(asked, root, scenario)
    if asked.json_output:
        document = {"info": {"outcome": "success", "jsonVersion": 2}, "result": result}
        Path(asked.json_output).write_text(json.dumps(document))


def _parser() -> argparse.ArgumentParser:
    """The grammar, without abbreviations: what it does not know is an error, as it is of Apple's."""
    parser = argparse.ArgumentParser("devicectl", allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    listed = commands.add_parser("list", allow_abbrev=False).add_subparsers(required=True)
    _leaf(listed, "devices", "list", _list)
    device = commands.add_parser("device", allow_abbrev=False).add_subparsers(required=True)
    install = device.add_parser("install", allow_abbrev=False).add_subparsers(required=True)
    _leaf(install, "app", "install", _install, "--device").add_argument("path", type=Path)
    info = device.add_parser("info", allow_abbrev=False).add_subparsers(required=True)
    _leaf(info, "apps", "apps", _apps, "--device").add_argument("--bundle-id")
    process = device.add_parser("process", allow_abbrev=False).add_subparsers(required=True)
    launch = _leaf(process, "launch", "launch", _launch, "--device")
    launch.add_argument("--terminate-existing", action="store_true")
    launch.add_argument("bundle")
    copy = device.add_parser("copy", allow_abbrev=False).add_subparsers(required=True)
    for direction, act in (("to", _copy_to), ("from", _copy_from)):
        required = ("--device", "--source", "--destination", "--domain-identifier")
        leaf = _leaf(copy, direction, f"copy {direction}", act, *required)
        leaf.add_argument("--domain-type", required=True, choices=("appDataContainer", "temporary", "systemCrashLogs"))
    return parser


def _leaf(commands: Any, name: str, kind: str, act: Any, *required: str) -> argparse.ArgumentParser:
    leaf = commands.add_parser(name, allow_abbrev=False)
    for option in required:
        leaf.add_argument(option, required=True)
    leaf.add_argument("--json-output")
    leaf.add_argument("--timeout", type=int)
    leaf.add_argument("--quiet", action="store_true")
    leaf.set_defaults(kind=kind, act=act)
    return leaf


def _list(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    return {"devices": [DEVICE | scenario["device"], *scenario["others"]]}


def _install(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    if not (asked.path.is_absolute() and asked.path.suffix == ".app" and asked.path.is_dir()):
        sys.exit(f"ERROR: {asked.path} is no app bundle (com.apple.dt.CoreDeviceError error 3000 (0xBB8))")
    info = plistlib.loads((asked.path / "Info.plist").read_bytes())
    app = {
        "bundleIdentifier": info["CFBundleIdentifier"],
        "version": info["CFBundleShortVersionString"],
        "bundleVersion": info["CFBundleVersion"],
        "builtByDeveloper": True,
        "url": "file:///private/var/containers/Bundle/Application/1/HarnessApp.app/",
    }
    (root / "app.json").write_text(json.dumps(app))
    (root / "container" / "Documents").mkdir(parents=True, exist_ok=True)
    return {"installedApplications": [{"bundleID": info["CFBundleIdentifier"], "installationURL": app["url"]}]}


def _apps(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    other = {"bundleIdentifier": "com.example.other", "version": "9", "bundleVersion": "9"}
    file = root / "app.json"
    apps = [other, *([json.loads(file.read_text())] if file.is_file() else [])]
    return {"apps": [app for app in apps if asked.bundle_id in (None, app["bundleIdentifier"])]}


def _launch(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    if asked.bundle != BUNDLE or not (root / "app.json").is_file():
        sys.exit(f"ERROR: The requested application {asked.bundle} is not installed.")
    from played_device import measure

    for job in sorted((root / "container/Documents/jobs").iterdir()):
        report = root / "container/Documents/reports" / job.name
        if not report.exists():
            measure(job, report, Path(scenario["exported"]))
    return {"process": {"processIdentifier": 321}}


def _container(asked: argparse.Namespace, root: Path) -> Path:
    if asked.domain_type != "appDataContainer" or asked.domain_identifier != BUNDLE:
        sys.exit(_NO_CONTAINER)
    if not (root / "app.json").is_file():
        sys.exit(_NO_CONTAINER)
    return root / "container"


def _copy_to(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    """What is in a folder lands in the destination."""
    shutil.copytree(asked.source, _container(asked, root) / asked.destination, dirs_exist_ok=True)
    return {}


def _copy_from(asked: argparse.Namespace, root: Path, scenario: dict[str, Any]) -> Any:
    """What is in a folder lands in the destination, which is there; in some versions the folder itself does. A transfer
    that breaks leaves a part of it."""
    source = _container(asked, root) / asked.source
    if not source.exists():
        sys.exit(_NO_NODE.format(asked.source))
    destination = Path(asked.destination)
    if not destination.is_dir():
        sys.exit(f"ERROR: {destination} is no folder (com.apple.dt.CoreDeviceError error 7001)")
    place = destination / source.name if scenario["copies_into"] else destination
    broken = root / "breaks"
    if broken.is_file():
        broken.unlink()
        shutil.copy(source / "report.json", place)
        return {}
    shutil.copytree(source, place, dirs_exist_ok=True)
    return {}
