"""What a host's screen tells: of every job, and of what went wrong on the host itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_jobs import small_job
from viewer import Viewer
from wire_client import WireClient

from mobiledeploy.campaign import watch as watching
from mobiledeploy.campaign.watch import watch, watch_all
from mobiledeploy.errors import HostError
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.queue import NewJob


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(watching, "_POLL_SECONDS", 0.0)
    with Host(open_place(str(tmp_path / "results.db")), HostOptions(port=0)) as running:
        yield running


@pytest.fixture
def phone(host: Host) -> WireClient:
    client = WireClient(host.port)
    client.pair(host.pairing.token())
    return client


def add(host: Host, *names: str) -> None:
    host.queue.add([NewJob(small_job(name, host.place.blobs), name, name) for name in names])


def steps(*actions):
    """What `each_time` does, one after another; then it is over."""
    left = list(actions)

    def each_time() -> bool:
        if left:
            left.pop(0)()
        return bool(left)

    return each_time


def nothing() -> None:
    pass


def test_a_long_lived_host_tells_of_the_jobs_of_every_campaign(host, phone) -> None:
    viewer, leases = Viewer(), []
    watch_all(
        host,
        viewer,
        each_time=steps(
            nothing,
            lambda: add(host, "one", "two"),
            lambda: leases.append(phone.next()),
            lambda: phone.work(leases.pop()),
            lambda: leases.append(phone.next()),
            lambda: phone.release(leases.pop().id),
            lambda: phone.release(phone.next().id, retry=False),
            nothing,
            nothing,
        ),
    )
    name = phone.device.name
    assert viewer.notes == [
        f"{name} measures one.mlpackage",
        f"{name} has reported one.mlpackage",
        f"{name} measures two.mlpackage",
        "two.mlpackage waits for a device again: asked to",
        "two.mlpackage was given up: asked to",
    ]
    assert viewer.updates[0] == "no job waits: `mobiledeploy bench --queue` adds some"
    assert viewer.updates[1:3] == ["2 waiting", f"1 running, 1 waiting\n  {name}: one.mlpackage"]
    assert viewer.updates[-1] == viewer.updates[0]


def test_what_was_over_before_is_not_told_again(host, phone) -> None:
    add(host, "old", "reported", "left")
    phone.release(phone.next().id, retry=False)
    phone.work(phone.next())
    viewer = Viewer()
    watch_all(host, viewer, each_time=steps(nothing, nothing))
    assert (viewer.notes, viewer.updates) == ([], ["1 waiting"])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            HostError("cannot use the store: database or disk is full", remedy="Make room."),
            "the host failed: cannot use the store: database or disk is full. Make room.",
        ),
        (OSError(28, "No space left on device"), "the host failed: OSError; --debug shows where"),
    ],
)
def test_a_failure_of_the_host_is_told_once_a_minute(host, phone, monkeypatch, error, told) -> None:
    """The phone asks again and again; who looks at the screen would wait for ever."""
    add(host, "job")

    def fail(*_: object) -> None:
        raise error

    take = host.queue.take
    monkeypatch.setattr(host.queue, "take", fail)
    viewer, actions = Viewer(), [lambda: phone.ask("GET", "/v1/jobs/next")] * 3

    def go_on() -> None:
        if actions:
            assert actions.pop()().status == 500
        else:
            monkeypatch.setattr(host.queue, "take", take)
            phone.work(phone.next())

    watch(host, "job", viewer, each_time=go_on)
    assert viewer.notes[0] == told
    assert viewer.notes.count(told) == 1
    later = time.monotonic() + 61
    monkeypatch.setattr("mobiledeploy.server.desk.time", SimpleNamespace(monotonic=lambda: later))
    host.desk.note_failure(error)
    assert host.desk.failures() == (told,)
    assert host.desk.failures() == ()
