"""Leases over time, with a clock that the test moves, and what a killed host finds again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clocked_queue import TERMS, Clock, clocked_queue, paired_device, refusal
from stores import EVERY_STORE

from mobiledeploy.records import Progress, Release
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.queue import JobQueue

STORES = EVERY_STORE


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
    return clocked_queue(place, clock)


def test_a_lease_that_is_renewed_is_kept_and_one_that_is_not_is_lost(place, queue, clock) -> None:
    phone, other = paired_device(place), paired_device(place)
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
    phone = paired_device(place)
    lease = queue.take(phone)
    for _ in range(5):
        clock.now += 20
        assert queue.take(phone) == lease


def test_a_job_is_given_out_three_times_at_most(place, queue, clock) -> None:
    phone = paired_device(place)
    for attempt in (1, 2, 3):
        lease = queue.take(phone)
        assert (lease.job.id, lease.attempt) == ("job-0", attempt)
        clock.now += 31
    assert queue.take(phone).job.id == "job-1"
    first, second = queue.states("c")
    assert (first.state, first.attempt, first.reason) == ("given up", 3, "not renewed for 30 s")
    assert (second.state, second.device) == ("running", phone.id)


def test_leases_of_others_and_of_nobody_are_refused(place, queue) -> None:
    phone, other = paired_device(place), paired_device(place)
    lease = queue.take(phone)
    assert refusal(queue.renew, other, lease.id, Progress("fetch")) == "forbidden"
    assert refusal(queue.release, other, lease.id, Release("")) == "forbidden"
    assert refusal(queue.renew, phone, "0" * 32, Progress("fetch")) == "not-found"


def test_a_host_that_starts_again_gives_open_leases_their_full_time(place, queue, clock) -> None:
    phone = paired_device(place)
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
