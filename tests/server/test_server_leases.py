"""Leases of several phones, cancelled campaigns, and what the queue costs: with a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from clocked_queue import TERMS, Clock, clocked_queue, paired_device, refusal
from small_jobs import small_job
from sqlalchemy import Engine, event, func, select
from wire_client import report_of

from mobiledeploy.records import Progress, Release, codec
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, read_report
from mobiledeploy.server.tables import renewals


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "results.db"))


@pytest.fixture
def queue(place: Place, clock: Clock) -> JobQueue:
    return clocked_queue(place, clock)


def test_a_phone_that_lives_does_not_keep_the_lease_of_another(place, queue, clock) -> None:
    phone, other = paired_device(place), paired_device(place)
    lease, lost = queue.take(phone), queue.take(other)
    for _ in range(2):
        clock.now += 20
        queue.renew(phone, lease.id, Progress("rounds"))
    assert [state.state for state in queue.states("c")] == ["running", "waiting"]
    assert refusal(queue.renew, other, lost.id, Progress("rounds")) == "lease-lost"


def test_only_what_is_open_is_cancelled_and_in_its_campaign_only(place, queue) -> None:
    queue.add([NewJob(small_job("of-another", place.blobs), "another", "s")])
    phone = paired_device(place)
    report, blobs = report_of(queue.take(phone).job)
    for content in blobs:
        place.blobs.add(content)
    Reception(place.ledger, place.blobs).bring(read_report(codec.dumps(report).encode()))
    assert queue.cancel("c", "enough") == 1
    assert queue.cancel("c", "enough") == 0
    assert [state.state for state in (*queue.states("c"), *queue.states("another"))] == [
        "reported",
        "cancelled",
        "waiting",
    ]


def test_only_the_same_subject_of_the_same_campaign_goes_to_another_device(place, queue, clock) -> None:
    phone = paired_device(place)
    queue.add([NewJob(small_job("again", place.blobs), "later", "s0")])
    taken = []
    while (lease := queue.take(phone)) is not None:
        queue.release(phone, lease.id, Release("done", retry=False))
        taken.append(lease.job.id)
    assert taken == ["job-0", "job-1", "again"]


def test_what_a_screen_asks_for_does_not_grow_with_the_jobs(place, queue) -> None:
    """One question to the store, however many jobs and attempts there are."""
    queue.add([NewJob(small_job(f"more-{i}", place.blobs), "c", f"m{i}") for i in range(20)])
    phone = paired_device(place)
    for attempt in range(2):
        queue.release(phone, queue.take(phone).id, Release(f"attempt {attempt}"))
    asked = []
    event.listen(Engine, "before_cursor_execute", listener := lambda *about: asked.append(about[2]))
    try:
        states = queue.states("c")
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    assert (len(states), states[0].attempt, states[0].device, states[1].attempt) == (22, 2, phone.id, 0)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 1


def test_a_host_that_comes_later_does_not_end_the_leases_of_one_that_lives(place, queue, clock) -> None:
    """Two of `bench`, or `bench` beside `serve`: what one hears, the other learns from the store."""
    phone = paired_device(place)
    lease = queue.take(phone)
    other = JobQueue(place.ledger, TERMS, clock)
    for _ in range(30):
        assert other.expire() == 0
        clock.now += 5
        assert queue.renew(phone, lease.id, Progress("rounds")) is False
    assert [state.state for state in other.states("c")] == ["running", "waiting"]


def test_the_lease_of_a_host_that_died_is_ended_by_one_that_lives(place, queue, clock) -> None:
    """Also where that one was there before the lease was."""
    other = JobQueue(place.ledger, TERMS, clock)
    assert other.expire() == 0
    phone = paired_device(place)
    queue.take(phone)
    clock.now += 5
    assert other.expire() == 0
    clock.now += 31
    assert other.expire() == 1
    assert [state.state for state in other.states("c")] == ["waiting", "waiting"]


def test_a_host_does_not_take_its_own_notes_for_another_hosts(place, queue, clock) -> None:
    """What it wrote down is no sign of life: a lease ends thirty seconds after its last heartbeat, not later."""
    phone = paired_device(place)
    lease = queue.take(phone)
    clock.now += 10
    queue.renew(phone, lease.id, Progress("rounds"))
    for _ in range(6):
        clock.now += 5
        assert queue.expire() == 0
    clock.now += 0.1
    assert queue.expire() == 1


def test_of_many_heartbeats_a_few_are_written_down(place, queue, clock) -> None:
    phone = paired_device(place)
    lease = queue.take(phone)
    for _ in range(300):
        clock.now += 1
        queue.renew(phone, lease.id, Progress("rounds"))
    with place.ledger.reading() as connection:
        assert connection.execute(select(func.count()).select_from(renewals)).scalar_one() == 38
