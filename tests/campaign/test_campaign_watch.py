"""What a campaign tells while it goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from small_jobs import small_job
from viewer import Viewer
from wire_client import APP, DEVICE, report_of

from mobiledeploy.campaign import watch as watching
from mobiledeploy.campaign.watch import describe, watch
from mobiledeploy.records import PairingRequest, Progress, Release, codec
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Device, Terms
from mobiledeploy.server.queue import NewJob
from mobiledeploy.server.reception import read_report


@pytest.fixture
def host(tmp_path: Path, monkeypatch) -> Host:
    """With three jobs; it does not listen."""
    monkeypatch.setattr(watching, "_POLL_SECONDS", 0.0)
    terms = Terms(lease_seconds=0.05)
    host = Host(open_place(str(tmp_path / "results.db")), HostOptions(port=0, terms=terms))
    host.queue.add([NewJob(small_job(f"job-{n}", host.place.blobs), "c", f"s{n}") for n in range(3)])
    yield host
    host._socket.close()
    host.place.ledger.close()


def device(host: Host) -> Device:
    answer = host.pairing.pair(PairingRequest(host.pairing.token(), DEVICE, APP, (1,)))
    return Device(answer.device_id, DEVICE)


def finish(host: Host, lease) -> None:
    report, blobs = report_of(lease.job)
    for content in blobs:
        host.place.blobs.add(content)
    host.desk.reception.bring(read_report(codec.dumps(report).encode()))


def test_each_change_is_told_once_until_every_job_has_ended(host) -> None:
    viewer, phone, leases = Viewer(), device(host), []

    def go_on() -> None:
        for lease in leases[-1:]:
            finish(host, lease)
        if len(leases) < 2:
            leases.append(host.queue.take(phone))
            host.queue.renew(phone, leases[-1].id, Progress("rounds", "all", 7, 0.25))
        else:
            last = host.queue.take(phone)
            host.queue.release(phone, last.id, Release("it cannot", retry=False))

    watch(host, "c", viewer, each_time=go_on)
    name = DEVICE.name
    assert viewer.notes == [
        f"{name} measures job-0.mlpackage",
        f"{name} has reported job-0.mlpackage",
        f"{name} measures job-1.mlpackage",
        f"{name} has reported job-1.mlpackage",
        "job-2.mlpackage was given up: it cannot",
    ]
    assert viewer.updates == [
        "3 waiting",
        f"1 running, 2 waiting\n  {name}: job-0.mlpackage, rounds all, round 7 (25%)",
        f"1 reported, 1 running, 1 waiting\n  {name}: job-1.mlpackage, rounds all, round 7 (25%)",
    ]


def test_a_phone_that_vanishes_is_told_of_and_its_job_waits_again(host) -> None:
    """Though no other phone asks for anything."""
    viewer, phone = Viewer(), device(host)
    host.queue.take(phone)
    until = time.monotonic() + 10

    def look() -> None:
        if "waits for a device again" in viewer.notes[-1]:
            host.queue.cancel("c", "enough")
        assert time.monotonic() < until, viewer.notes

    watch(host, "c", viewer, each_time=look)
    assert viewer.notes[:2] == [
        f"{DEVICE.name} measures job-0.mlpackage",
        f"job-0.mlpackage waits for a device again: nothing was heard of {DEVICE.name} (not renewed for 0.05 s)",
    ]
    assert sorted(viewer.notes[2:]) == [f"job-{n}.mlpackage was cancelled" for n in range(3)]


def test_a_second_attempt_is_told_as_one(host) -> None:
    phone = device(host)
    host.queue.release(phone, host.queue.take(phone).id, Release("later"))
    host.queue.take(phone)
    states = host.queue.states("c")
    assert describe(states, {}) == "1 running, 2 waiting\n  a device: job-0.mlpackage"
    assert watching._change(states[0], {phone.id: "Zoe"}) == "Zoe measures job-0.mlpackage (attempt 2)"
