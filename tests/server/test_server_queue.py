"""Leases over time, with a clock that the test moves, and what a killed host finds again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_jobs import small_job
from stores import EVERY_STORE
from wire_client import APP, DEVICE

from mobiledeploy.records import PairingRequest, Progress, Release
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.refusal import Refusal

STORES = EVERY_STORE
TERMS = Terms(heartbeat_seconds=5.0, lease_seconds=30.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(store: str, tmp_path: Path) -> Iterator[Place]:
    place = open_place(store, tmp_path / "results.blobs")
    yield place
    place.ledger.close()


@pytest.fixture
def queue(place: Place, clock: Clock) -> JobQueue:
    queue = JobQueue(place.ledger, TERMS, clock)
    queue.add([NewJob(small_job(f"job-{i}", place.blobs), "c", f"s{i}") for i in range(2)])
    return queue


def device(place: Place) -> Device:
    pairing = Pairing(place.ledger, TERMS)
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    return Device(answer.device_id, DEVICE)


def refusal(call, *arguments) -> str:
    with pytest.raises(Refusal) as refused:
        call(*arguments)
    return refused.value.problem.code


def test_a_lease_that_is_renewed_is_kept_and_one_that_is_not_is_lost(place, queue, clock) -> None:
    phone, other = device(place), device(place)
    lease = queue.take(phone)
    for _ in range(3):
        clock.now += 29
        assert queue.renew(phone, lease.id, Progress("compile")) is False
    clock.now += 31
    again = queue.take(other)
    assert (again.job, again.attempt) == (lease.job, 2)
    assert refusal(queue.renew, phone, lease.id, Progress("rounds")) == "lease-lost"
    assert refusal(queue.release, phone, lease.id, Release("late")) == "lease-lost"
    assert queue.renew(other, again.id, Progress("fetch")) is False


def test_asking_again_keeps_the_lease_alive(place, queue, clock) -> None:
    phone = device(place)
    lease = queue.take(phone)
    for _ in range(5):
        clock.now += 20
        assert queue.take(phone) == lease


def test_a_job_is_given_out_three_times_at_most(place, queue, clock) -> None:
    phone = device(place)
    for attempt in (1, 2, 3):
        lease = queue.take(phone)
        assert (lease.job.id, lease.attempt) == ("job-0", attempt)
        clock.now += 31
    assert queue.take(phone).job.id == "job-1"
    first, second = queue.states("c")
    assert (first.state, first.attempt, first.reason) == ("given up", 3, "not renewed for 30 s")
    assert (second.state, second.device) == ("running", phone.id)


def test_leases_of_others_and_of_nobody_are_refused(place, queue) -> None:
    phone, other = device(place), device(place)
    lease = queue.take(phone)
    assert refusal(queue.renew, other, lease.id, Progress("fetch")) == "forbidden"
    assert refusal(queue.release, other, lease.id, Release("")) == "forbidden"
    assert refusal(queue.renew, phone, "0" * 32, Progress("fetch")) == "not-found"


def test_a_host_that_starts_again_gives_open_leases_their_full_time(place, queue, clock) -> None:
    phone = device(place)
    lease = queue.take(phone)
    clock.now += 25
    later = JobQueue(place.ledger, TERMS, clock)
    assert later.expire() == 0
    assert later.states("c")[0].state == "running"
    clock.now += 25
    assert later.renew(phone, lease.id, Progress("rounds")) is False
    clock.now += 31
    assert later.expire() == 1
    assert [state.state for state in later.states("c")] == ["waiting", "waiting"]
