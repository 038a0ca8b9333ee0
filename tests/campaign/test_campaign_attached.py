"""A phone on a Mac's cable: the app is put on it, jobs go there and reports come back, and what stands in the way is
told with what to do. devicectl is played by a program that takes its documented arguments only."""

from __future__ import annotations

import json
import os
import plistlib
import stat
import sys
from datetime import datetime
from pathlib import Path

import pytest
from played_device import measure
from played_devicectl import BUNDLE, DEVICE, LOCKED

from mobiledeploy.campaign import app_build, attached_phone, devicectl
from mobiledeploy.campaign.enqueue import enqueue
from mobiledeploy.campaign.folders import write_job_folder
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.errors import HostError
from mobiledeploy.records import MeasurementPlan
from mobiledeploy.server.host import open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import JobQueue

HERE = Path(__file__).parent
SHORT = ("--rounds", 2, "--iterations", 3, "--compute-units", "cpu,all")
COMMIT = "4" * 40
SOURCE = "import sys\nsys.path += {paths!r}\nfrom pathlib import Path\nfrom played_devicectl import run\n"


@pytest.fixture
def phone(tmp_path, monkeypatch, exported):
    """`phone(installed=("0.1.0", "7.8"), fails={"launch": LOCKED})`: its folder; xcrun is on the PATH, no app built."""

    def put(installed=None, *, fails=None, device=None, others=(), copies_into=False) -> Path:
        root, programs = tmp_path / "phone", tmp_path / "bin"
        root.mkdir()
        programs.mkdir()
        scenario = {"exported": str(exported), "fails": fails or {}, "device": device or {}, "others": list(others)}
        (root / "scenario.json").write_text(json.dumps(scenario | {"copies_into": copies_into}))
        if installed:
            version, number = installed
            app = {"bundleIdentifier": BUNDLE, "version": version, "bundleVersion": number}
            (root / "app.json").write_text(json.dumps(app))
            (root / "container" / "Documents").mkdir(parents=True)
        program = programs / "xcrun"
        paths = [str(HERE), *filter(None, sys.path)]
        program.write_text(f"#!{sys.executable}\n{SOURCE.format(paths=paths)}run(sys.argv[1:], Path({str(root)!r}))\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setattr(attached_phone, "built_app", lambda: None)
        monkeypatch.setattr(attached_phone, "_POLL_SECONDS", 0.01)
        return root

    return put


def app(folder: Path, number: str = "7.8", commit: str = COMMIT, **changes) -> Path:
    """A built HarnessApp.app. `phones`, `expires`: of its profile; `None` for an unsigned one."""
    place = folder / "HarnessApp.app"
    place.mkdir(parents=True)
    info = {
        "CFBundleIdentifier": changes.get("bundle", BUNDLE),
        "CFBundleShortVersionString": "0.1.0",
        "CFBundleVersion": number,
        "MobileDeployCommit": commit,
        "CFBundleSupportedPlatforms": [changes.get("platform", "iPhoneOS")],
    }
    (place / "Info.plist").write_bytes(plistlib.dumps(info, fmt=plistlib.FMT_BINARY))
    phones = changes.get("phones", ["00008101-1"])
    if phones is not None:
        profile = {"ProvisionedDevices": phones, "ExpirationDate": changes.get("expires", datetime(2999, 1, 1))}
        (place / "embedded.mobileprovision").write_bytes(b"0\x82\x30" + plistlib.dumps(profile) + b"\x00signature")
    return place


@pytest.fixture
def bench(command, exported, tmp_path):
    """`bench("--app", place)`: of the phone, unless another device is named."""

    def run(*arguments: object, device: str = "00008101-1"):
        return command("bench", exported, "--device", device, "--store", tmp_path / "own.db", *SHORT, *arguments)

    return run


def calls(root: Path) -> list[str]:
    """The subcommands, in order."""
    lines = [line.split() for line in (root / "calls.txt").read_text().splitlines()]
    return [" ".join(word for word in words[1:4] if not word.startswith("-")) for words in lines]


def stored(folder: Path, table: str) -> int:
    place = open_place(str(folder / "own.db"))
    with place.ledger.reading() as connection:
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
    place.ledger.close()
    return count


@pytest.mark.parametrize("name", ["00008101-1", "0000-ABCD", "Zoe's iPhone"])
def test_the_app_is_installed_and_a_job_goes_there_and_its_report_comes_back(bench, phone, tmp_path, name) -> None:
    root = phone()
    done = bench("--app", app(tmp_path), "--json", device=name)
    assert done.code == 0, done.err
    (result,) = json.loads(done.out)["results"]
    assert (result["standing"], result["imported"], result["model"]) == ("real", True, "tiny")
    assert [each["passed"] for unit in result["units"] for each in unit["parity"]] == [True] * 4
    assert calls(root) == [
        "list devices",
        "device info apps",
        "device install app",
        "device info apps",
        "device copy from",
        "device copy to",
        "device process launch",
        "device copy from",
    ]
    assert "installing the app, version 0.1.0 7.8, on Zoe's iPhone" in done.err
    assert (root / "container/Documents/jobs" / result["job"] / "job.json").is_file()
    (launched,) = [line for line in (root / "calls.txt").read_text().splitlines() if "launch" in line]
    assert "--terminate-existing" in launched


@pytest.mark.parametrize(
    ("there", "built", "installs"),
    [
        (("0.1.0", "7.8"), {}, False),
        (("0.1.0", "7.7"), {}, True),
        (("0.0.9", "7.8"), {}, True),
        # of these builds devicectl cannot tell whether they are the same
        (("0.1.0", "1"), {"number": "1"}, True),
        (("0.1.0", "7.8"), {"commit": ""}, True),
        (("0.1.0", "7.8"), {"commit": f"{COMMIT}-dirty"}, True),
    ],
)
def test_the_app_is_installed_again_only_where_it_is_another_build(  # noqa: PLR0917
    bench, phone, tmp_path, there, built, installs
) -> None:
    root = phone(there)
    place = app(tmp_path, **built)
    done = bench("--app", place)
    assert done.code == 0, done.err
    assert ("device install app" in calls(root)) is installs
    assert ("has this build of the app, version 0.1.0 7.8" in done.err) is not installs


def test_without_option_the_app_is_taken_from_where_the_documented_command_leaves_it(
    bench, phone, tmp_path, monkeypatch
) -> None:
    root = phone()
    place = app(tmp_path / ".build/app/Build/Products/Release-iphoneos")
    assert app_build.built_app(tmp_path) == place
    assert app_build.built_app(tmp_path / "elsewhere") is None
    monkeypatch.setattr(attached_phone, "built_app", lambda: app_build.built_app(tmp_path))
    done = bench()
    assert done.code == 0, done.err
    assert json.loads((root / "app.json").read_text())["bundleVersion"] == "7.8"


def test_where_none_is_built_the_app_on_the_phone_will_do(bench, phone) -> None:
    root = phone(("0.1.0", "1"))
    done = bench()
    assert done.code == 0, done.err
    assert "Zoe's iPhone has the app, version 0.1.0 1; no other is built here" in done.err
    assert "device install app" not in calls(root)


def test_where_there_is_no_app_the_command_that_builds_it_is_named(bench, phone) -> None:
    phone()
    done = bench()
    assert done.code == 5
    assert "error: the harness app is not on Zoe's iPhone, and none is built" in done.err
    assert app_build.build_command("00008101-1") in done.err
    assert "id=00008101-1" in app_build.build_command("00008101-1")


def test_the_command_is_the_documented_one() -> None:
    readme = (HERE.parents[1] / "ios_harness" / "README.md").read_text()
    assert app_build.build_command().partition(" && ")[2] in readme
    assert str(app_build._BUILT) in readme


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"phones": ["00008101-2"]}, 5, "the app is not signed for Zoe's iPhone"),
        ({"phones": None}, 2, "HarnessApp.app is not signed"),
        ({"expires": datetime(2026, 1, 1)}, 2, "was signed with a profile that expired on 2026-01-01"),
        ({"bundle": "com.example.other"}, 2, "is another app, com.example.other"),
        ({"platform": "iPhoneSimulator"}, 2, "was built for the simulator"),
    ],
)
def test_an_app_that_the_phone_would_refuse_is_refused_here(  # noqa: PLR0917
    bench, phone, tmp_path, changes, code, message
) -> None:
    root = phone()
    place = app(tmp_path, **changes)
    done = bench("--app", place)
    assert (done.code, message in done.err) == (code, True), done.err
    assert app_build.build_command("00008101-1") in done.err
    assert "device install app" not in calls(root)


@pytest.mark.parametrize("content", [None, b"", b"bplist00\xff", b"<?xml"])
def test_what_is_no_app_is_refused(bench, phone, tmp_path, content) -> None:
    phone()
    place = tmp_path / "No.app"
    if content is not None:
        place.mkdir()
        (place / "Info.plist").write_bytes(content)
    done = bench("--app", place)
    assert done.code == 2
    assert f"error: {place} is no app: " in done.err


def test_an_app_is_put_on_phones_only(bench, tmp_path) -> None:
    for device in ("mac", "simulated", "lan"):
        done = bench("--app", tmp_path, device=device)
        assert (done.code, "--app is of a phone that devicectl knows" in done.err) == (2, True)


IMAGE = (
    "ERROR: The developer disk image could not be mounted on this device. (com.apple.dt.CoreDeviceError error 12040)\n"
)
REFUSALS = [
    ("launch", LOCKED, "Zoe's iPhone is locked"),
    (
        "apps",
        IMAGE + "  0xe80000e2 (kAMDMobileImageMounterDeviceLocked: The device is locked.)",
        "Zoe's iPhone is locked",
    ),
    (
        "apps",
        IMAGE + "The operation failed because Developer Mode is disabled.",
        "developer mode is off on Zoe's iPhone",
    ),
    ("apps", IMAGE, "Zoe's iPhone cannot be used for development yet"),
    (
        "install",
        "ERROR: Failed to install the app on the device. (com.apple.dt.CoreDeviceError error 3002 (0xBBA))\n Failed to "
        "verify code signature : 0xe8008015 (A valid provisioning profile for this executable was not found.)",
        "the app is not signed for Zoe's iPhone",
    ),
    (
        "install",
        "ERROR: ... 0xe8008012 (This provisioning profile cannot be installed on this device.)",
        "the app is not signed for Zoe's iPhone",
    ),
    (
        "launch",
        "ERROR: Unable to launch it because it has an invalid code signature, inadequate entitlements or its profile "
        "has not been explicitly trusted by the user.",
        "Zoe's iPhone does not trust the developer who signed the app",
    ),
    ("apps", "ERROR: The device is not paired with this host.", "Zoe's iPhone is not paired with this Mac"),
    (
        "copy to",
        "ERROR: The specified device was not found. (com.apple.dt.CoreDeviceError error 1000 (0x3E8))",
        "Zoe's iPhone is not connected",
    ),
    (
        "copy to",
        "The tunnel connection failed while the system tried to connect to the device. (RemotePairingError 4)",
        "Zoe's iPhone is not connected",
    ),
    ("copy to", "ERROR: ContainerLookupErrorDomain error -1", "the harness app is not on Zoe's iPhone"),
    (
        "list",
        'xcrun: error: unable to find utility "devicectl", not a developer tool or in PATH',
        "Xcode's devicectl is not installed on this Mac",
    ),
    ("launch", "12:00  Working.\nERROR: Something new. (error 1)", "devicectl failed: ERROR: Something new. (error 1)"),
]


@pytest.mark.parametrize(("stage", "said", "message"), REFUSALS, ids=[f"{row[0]}: {row[2]}" for row in REFUSALS])
def test_what_stands_in_the_way_is_told_with_what_to_do(  # noqa: PLR0917
    bench, phone, tmp_path, stage, said, message
) -> None:
    phone(fails={stage: said})
    done = bench("--app", app(tmp_path))
    assert (done.code, f"error: {message}" in done.err) == (5, True), done.err
    assert "remedy: " in done.err
    assert "Traceback" not in done.err
    assert stored(tmp_path, "reports") == 0


def test_a_phone_that_was_locked_is_measured_by_the_same_command_again(bench, phone, tmp_path) -> None:
    root = phone(fails={"launch": [LOCKED]})
    place = app(tmp_path)
    assert bench("--app", place).code == 5
    assert stored(tmp_path, "jobs") == 1
    done = bench("--app", place)
    assert done.code == 0, done.err
    assert stored(tmp_path, "jobs") == 1
    assert calls(root).count("device install app") == 1


def test_a_phone_that_cannot_be_asked_for_a_while_goes_on_measuring(bench, phone, tmp_path) -> None:
    failing = "ERROR: The tunnel connection failed. (RemotePairingError 4)"
    # before the job is there it has no report; after it, the phone cannot be reached, twice
    root = phone(fails={"copy from": [None, failing, failing]})
    done = bench("--app", app(tmp_path))
    assert done.code == 0, done.err
    assert done.err.count("Zoe's iPhone is not connected; asking again") == 1
    assert calls(root).count("device process launch") == 1


@pytest.fixture
def queued(tmp_path, exported):
    """A job that waits, and the place that it is in."""
    place = open_place(str(tmp_path / "queued.db"))
    queue = JobQueue(place.ledger, Terms())
    campaign = enqueue(queue, prepare(exported, place.blobs), MeasurementPlan(time_limit_seconds=60))
    yield queue.job(queue.states(campaign.id)[0].id), place
    place.ledger.close()


def test_a_report_that_an_interrupted_command_left_on_the_phone_is_only_fetched(
    phone, queued, tmp_path, exported
) -> None:
    job, place = queued
    root = phone(("0.1.0", "1"))
    write_job_folder(job, place.blobs, tmp_path / "job")
    measure(tmp_path / "job", root / "container/Documents/reports" / job.id, exported)
    (attached,) = attached_phone.attached_phones()
    told = []
    reported, blobs = attached.measure(job, place.blobs, told=told.append)
    assert (reported.report.job, len(blobs)) == (job.id, 2)
    assert told == ["Zoe's iPhone has measured tiny.mlpackage already"]
    assert calls(root) == ["list devices", "device copy from"]


def test_a_folder_that_devicectl_copies_into_the_destination_is_found_there(bench, phone) -> None:
    phone(("0.1.0", "1"), copies_into=True)
    done = bench()
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ({"connectionProperties": {"pairingState": "unpaired"}}, "Zoe's iPhone is not paired with this Mac"),
        ({"connectionProperties": {"tunnelState": "unavailable"}}, "Zoe's iPhone is not connected"),
        (
            {"deviceProperties": {"name": "Zoe's iPhone", "developerModeStatus": "disabled"}},
            "developer mode is off on Zoe's iPhone",
        ),
        (
            {"deviceProperties": {"name": "Zoe's iPhone", "developerModeStatus": {"disabled": {}}}},
            "developer mode is off on Zoe's iPhone",
        ),
    ],
)
def test_what_the_list_of_devices_tells_is_told_before_anything_is_tried(bench, phone, device, message) -> None:
    root = phone(device=device)
    done = bench()
    assert (done.code, f"error: {message}" in done.err) == (5, True)
    assert calls(root) == ["list devices"]


def test_a_device_that_is_not_there_is_answered_with_those_that_are(bench, phone) -> None:
    simulator = {"identifier": "1", "hardwareProperties": {"reality": "simulated"}}
    twin = DEVICE | {"identifier": "0000-FFFF", "hardwareProperties": {"udid": "00008101-2"}}
    phone(others=[simulator, twin])
    done = bench(device="my phone")
    assert done.code == 5
    assert "error: no device is called `my phone`" in done.err
    assert "devicectl lists: 00008101-1 (Zoe's iPhone), 00008101-2 (Zoe's iPhone)." in done.err
    done = bench(device="Zoe's iPhone")
    assert "error: 2 devices are called `Zoe's iPhone`" in done.err


def test_a_call_that_hangs_is_ended(bench, phone, monkeypatch) -> None:
    phone(fails={"apps": "hang"})
    monkeypatch.setattr(devicectl.answer, "__kwdefaults__", devicectl.answer.__kwdefaults__ | {"seconds": 2.0})
    done = bench()
    assert done.code == 5
    assert "error: devicectl took more than 2 s" in done.err
    assert "Unlock Zoe's iPhone" in done.err


def test_a_phone_that_never_reports_is_given_up_in_time(phone, queued, monkeypatch) -> None:
    job, place = queued
    phone(("0.1.0", "1"))
    monkeypatch.setattr(attached_phone.AttachedPhone, "launch", lambda self: None)
    (attached,) = attached_phone.attached_phones()
    times = iter(range(0, 10000, 100))
    slept = []
    with pytest.raises(HostError, match="Zoe's iPhone has not reported in time"):
        attached.measure(job, place.blobs, told=lambda text: None, sleep=slept.append, clock=lambda: float(next(times)))
    # a minute of the plan and five more, looked at every 100 s
    assert len(slept) == 3
