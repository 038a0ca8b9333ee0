"""A phone on a Mac's cable: jobs go there and reports come back, and what stands in the way is told with what to do.
devicectl is played by a program that takes its documented arguments only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attached_phones import app, calls
from played_device import measure
from played_devicectl import DEVICE, LOCKED

from mobiledeploy.campaign import attached_phone, devicectl, phone_jobs
from mobiledeploy.campaign.enqueue import enqueue
from mobiledeploy.campaign.folders import write_job_folder
from mobiledeploy.campaign.phone_jobs import PhoneJobs
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.errors import HostError, PackageError
from mobiledeploy.records import MeasurementPlan
from mobiledeploy.server.host import open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import JobQueue


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
    reported, blobs = PhoneJobs(attached, told.append).measure(job, place.blobs)
    assert (reported.report.job, len(blobs)) == (job.id, 2)
    assert told == ["Zoe's iPhone has measured tiny.mlpackage already"]
    assert calls(root) == ["list devices", "device copy from"]


def test_a_report_of_which_a_part_has_come_is_fetched_again(phone, queued, tmp_path, exported) -> None:
    job, place = queued
    root = phone(("0.1.0", "1"))
    write_job_folder(job, place.blobs, tmp_path / "job")
    measure(tmp_path / "job", root / "container/Documents/reports" / job.id, exported)
    (root / "breaks").write_text("")
    (attached,) = attached_phone.attached_phones()
    told = []
    jobs = PhoneJobs(attached, told.append, lambda seconds: None)
    until = jobs.clock() + 60
    reported, blobs = jobs._awaited(job, until)
    assert (reported.report.job, len(blobs)) == (job.id, 2)
    assert told == ["the report of Zoe's iPhone came without 2 of its outputs; asking again"]


def test_a_report_that_stays_unreadable_is_not_waited_for(phone, queued, tmp_path, exported) -> None:
    job, place = queued
    root = phone(("0.1.0", "1"))
    report = root / "container/Documents/reports" / job.id
    write_job_folder(job, place.blobs, tmp_path / "job")
    measure(tmp_path / "job", report, exported)
    (report / "report.json").write_text("{")
    (attached,) = attached_phone.attached_phones()
    jobs = PhoneJobs(attached, lambda text: None, lambda seconds: None)
    with pytest.raises(PackageError):
        jobs._awaited(job, jobs.clock() + 3600)
    assert calls(root).count("device copy from") == 4


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
    monkeypatch.setattr(phone_jobs.PhoneJobs, "_launching", lambda self: ("list", "devices"))
    (attached,) = attached_phone.attached_phones()
    times = iter(range(0, 10000, 100))
    slept = []
    with pytest.raises(HostError, match="Zoe's iPhone has not reported in time"):
        PhoneJobs(attached, lambda text: None, slept.append, lambda: float(next(times))).measure(job, place.blobs)
    # a minute of the plan and five more, looked at every 100 s
    assert len(slept) == 3
