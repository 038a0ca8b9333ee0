"""`mobiledeploy queue`: what waits or runs, and its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mobiledeploy.records import Progress
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Device, Terms
from mobiledeploy.server.queue import REAL_ONLY, SIMULATED_ONLY, JobQueue, NewJob

sys.path.append(str(Path(__file__).parents[1] / "server"))

from clocked_queue import paired_device
from small_jobs import small_job
from wire_client import DEVICE

FIRST, SECOND = "c-1", "c-2"


@pytest.fixture
def place(tmp_path):
    """Two campaigns: one of two jobs, the first of which runs on a phone, and one of a single job."""
    opened = open_place(str(tmp_path / "results.db"))
    queue = JobQueue(opened.ledger, Terms())
    queue.add([NewJob(small_job(f"{FIRST}-{n}", opened.blobs), FIRST, str(n), device=SIMULATED_ONLY) for n in (1, 2)])
    queue.add([NewJob(small_job(f"{SECOND}-1", opened.blobs), SECOND, "1", device=REAL_ONLY)])
    yield opened
    opened.ledger.close()


@pytest.fixture
def device(place: Place) -> Device:
    return paired_device(place)


def test_jobs_are_listed_with_who_has_them_or_may_take_them(command, place, device, tmp_path) -> None:
    JobQueue(place.ledger, Terms()).take(device)
    lines = [line.split() for line in command("queue", "--store", tmp_path / "results.db").out.splitlines()]
    rows = {line[0]: " ".join(line[1:]) for line in lines if line and line[0].startswith("c-")}
    assert rows == {
        "c-1-1": f"c-1-1 running {DEVICE.name} 1",
        "c-1-2": "c-1-2 waiting a simulated phone",
        "c-2-1": "c-2-1 waiting a phone or Mac",
    }


def test_json_has_every_job(command, place, tmp_path) -> None:
    document = json.loads(command("queue", "list", "--store", tmp_path / "results.db", "--json").out)
    assert [(job["id"], job["campaign"], job["state"]) for job in document["jobs"]] == [
        ("c-1-1", "c-1", "waiting"),
        ("c-1-2", "c-1", "waiting"),
        ("c-2-1", "c-2", "waiting"),
    ]


@pytest.mark.parametrize(
    ("names", "left"),
    [(("c-1",), ["c-2-1"]), (("c-1-2",), ["c-1-1", "c-2-1"]), (("c-1-1", "c-2"), ["c-1-2"]), (("--all",), [])],
)
def test_what_is_named_is_cancelled_and_nothing_else(command, place, tmp_path, names, left) -> None:
    outcome = command("queue", "cancel", *names, "--store", tmp_path / "results.db", "--json")
    assert (outcome.code, json.loads(outcome.out)) == (0, {"cancelled": 3 - len(left)})
    assert [state.id for state in JobQueue(place.ledger, Terms()).unfinished()] == left


def test_an_unknown_name_cancels_nothing(command, place, tmp_path) -> None:
    outcome = command("queue", "cancel", "c-1", "c-9", "--store", tmp_path / "results.db")
    assert (outcome.code, "no job or campaign that is open is called `c-9`" in outcome.err) == (2, True)
    assert len(JobQueue(place.ledger, Terms()).unfinished()) == 3


def test_a_phone_at_work_is_told_with_its_next_heartbeat(command, place, device, tmp_path) -> None:
    queue = JobQueue(place.ledger, Terms())
    lease = queue.take(device)
    assert queue.renew(device, lease.id, Progress("rounds", "all", 0.5)) is False
    assert command("queue", "cancel", lease.job.id, "--store", tmp_path / "results.db").code == 0
    assert queue.renew(device, lease.id, Progress("rounds", "all", 0.6)) is True


def test_an_empty_queue_says_so(command, place, tmp_path) -> None:
    command("queue", "cancel", "--all", "--store", tmp_path / "results.db")
    assert "no job waits or runs" in command("queue", "--store", tmp_path / "results.db").out
