"""Which command goes on with which campaign, and what jobs it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_jobs import small_job
from wire_client import APP, DEVICE

from mobiledeploy.campaign.content import Prepared
from mobiledeploy.campaign.enqueue import enqueue
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.records import MeasurementPlan, PairingRequest, Release, codec
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import REAL_ONLY, JobQueue

PLAN = MeasurementPlan(rounds=2, iterations=3)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "results.db"))


@pytest.fixture
def queue(place: Place) -> JobQueue:
    return JobQueue(place.ledger, Terms())


@pytest.fixture
def packages(place: Place) -> tuple[Prepared, ...]:
    jobs = (small_job(name, place.blobs) for name in ("one", "two"))
    return tuple(
        Prepared(package=job.package, samples=job.samples, function=None, subject=Subject(job.id, "float16", 60.0))
        for job in jobs
    )


def device(place: Place) -> Device:
    pairing = Pairing(place.ledger, Terms())
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    return Device(answer.device_id, DEVICE)


def test_a_job_for_each_package_and_phone(queue, packages) -> None:
    campaign = enqueue(queue, packages, PLAN, phones=3)
    states = queue.states(campaign.id)
    assert campaign.resumed is None
    assert [state.name for state in states] == ["one.mlpackage", "two.mlpackage"] * 3
    assert len({state.id for state in states}) == 6
    job = queue.job(states[1].id)
    assert (job.package, job.samples, job.plan, job.function) == (packages[1].package, packages[1].samples, PLAN, None)


def test_the_function_of_a_package_goes_with_its_job(queue, packages) -> None:
    chosen = replace(packages[0], function="size_160x160")
    (state,) = queue.states(enqueue(queue, [chosen], PLAN).id)
    assert queue.job(state.id).function == "size_160x160"


def test_the_same_command_goes_on_and_a_finished_one_begins_anew(queue, packages, place) -> None:
    first, phone = enqueue(queue, packages, PLAN), device(place)
    lease = queue.take(phone)
    again = enqueue(queue, packages, PLAN)
    assert (again.id, again.resumed, len(queue.states(again.id))) == (first.id, 0, 2)
    queue.release(phone, lease.id, Release("it cannot", retry=False))
    assert (enqueue(queue, packages, PLAN).id, enqueue(queue, packages, PLAN).resumed) == (first.id, 1)
    lease = queue.take(phone)
    # nothing waits, one is being measured
    assert enqueue(queue, packages, PLAN).id == first.id
    queue.release(phone, lease.id, Release("it cannot", retry=False))
    anew = enqueue(queue, packages, PLAN)
    assert (anew.id != first.id, anew.resumed) == (True, None)
    assert [state.state for state in queue.states(anew.id)] == ["waiting", "waiting"]


@pytest.mark.parametrize("other", ["packages", "plan", "phones", "device", "function", "order"])
def test_another_command_has_a_campaign_of_its_own(queue, packages, other: str) -> None:
    first = enqueue(queue, packages, PLAN)
    commands = {
        "packages": lambda: enqueue(queue, packages[:1], PLAN),
        "plan": lambda: enqueue(queue, packages, replace(PLAN, warm_up=3)),
        "phones": lambda: enqueue(queue, packages, PLAN, phones=2),
        "device": lambda: enqueue(queue, packages, PLAN, device=REAL_ONLY),
        "function": lambda: enqueue(queue, [replace(packages[0], function="f"), packages[1]], PLAN),
        "order": lambda: enqueue(queue, packages[::-1], PLAN),
    }
    second = commands[other]()
    assert (second.id != first.id, second.resumed) == (True, None)


def test_a_host_with_other_files_does_not_go_on_with_the_campaign(packages, place) -> None:
    """It could not give its phones what the jobs need."""
    first, second = (JobQueue(place.ledger, Terms(), files=name) for name in ("here", "there"))
    begun = enqueue(first, packages, PLAN)
    assert (enqueue(first, packages, PLAN).resumed, enqueue(second, packages, PLAN).resumed) == (0, None)
    assert enqueue(second, packages, PLAN).id != begun.id


def test_packages_of_one_content_may_go_to_one_device(queue, packages, place) -> None:
    """They are two subjects, as two exports of one model are; the same package for two phones is one."""
    phone = device(place)
    enqueue(queue, [packages[0], packages[0]], PLAN)
    for _ in range(2):
        queue.release(phone, queue.take(phone).id, Release("done", retry=False))
    enqueue(queue, packages[:1], PLAN, phones=2)
    queue.release(phone, queue.take(phone).id, Release("done", retry=False))
    assert queue.take(phone) is None


def test_what_a_report_is_held_against_is_kept_beside_the_job(queue, packages, place) -> None:
    enqueue(queue, packages, PLAN)
    with place.ledger.reading() as connection:
        kept = connection.exec_driver_sql("SELECT about FROM jobs ORDER BY position").scalars().all()
    assert [codec.loads(Subject, text, where="jobs") for text in kept] == [each.subject for each in packages]


def test_a_campaign_whose_files_are_elsewhere_is_not_taken_up(place, packages) -> None:
    """On another machine with the same store: its packages could not be given out."""
    here, there = (JobQueue(place.ledger, Terms(), files=name) for name in ("here", "there"))
    first = enqueue(here, packages, PLAN)
    second = enqueue(there, packages, PLAN)
    assert second.resumed is None
    assert second.id != first.id
    assert enqueue(here, packages, PLAN).id == first.id
