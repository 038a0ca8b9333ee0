"""Many requests at once, failures of the host itself, and phones that wait while it stops."""

from __future__ import annotations

import threading
import time
from urllib.parse import quote

import pytest
from small_jobs import small_job
from wire_client import WireClient

from mobiledeploy.errors import HostError
from mobiledeploy.server import app as apps
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.queue import NewJob


def test_too_many_at_once_are_told_to_come_again(host, phone, monkeypatch) -> None:
    monkeypatch.setattr(apps, "_MOST_REQUESTS", 1)
    waiting = threading.Thread(target=phone.next, args=(2,))
    waiting.start()
    time.sleep(0.5)
    answer = phone.ask("GET", "/v1/jobs/next")
    waiting.join()
    assert (answer.status, answer.problem.code, answer.headers["retry-after"]) == (503, "busy", "1")


def test_who_has_left_makes_room(host, phone, monkeypatch) -> None:
    """Also those who were refused."""
    monkeypatch.setattr(apps, "_MOST_REQUESTS", 2)
    statuses = [phone.ask("GET", path).status for path in ["/v1/jobs/next", "/nowhere"] * 4]
    assert statuses == [204, 404] * 4


@pytest.mark.parametrize(
    "error",
    [HostError("cannot use the store: me at db.local", remedy="Make room."), RuntimeError("a secret path")],
)
def test_a_failure_of_the_host_is_answered_without_its_cause(host, phone, monkeypatch, capfd, error) -> None:
    """That is on the host's screen."""

    def fail(device) -> None:
        raise error

    monkeypatch.setattr(host.queue, "take", fail)
    answer = phone.ask("GET", "/v1/jobs/next")
    assert (answer.status, answer.problem.code, answer.problem.message) == (500, "internal", "the host failed")
    assert type(error).__name__ in capfd.readouterr().err


def test_a_phone_that_waits_is_given_what_comes_meanwhile(host, phone) -> None:
    leases = []
    waiting = threading.Thread(target=lambda: leases.append(phone.next(20)))
    waiting.start()
    time.sleep(0.8)
    assert leases == []
    host.queue.add([NewJob(small_job("late", host.place.blobs), "c", "s")])
    waiting.join(10)
    assert [lease.job.id for lease in leases] == ["late"]


def test_a_phone_that_waits_for_nothing_is_told_so_in_time(phone) -> None:
    started = time.monotonic()
    assert phone.next(1) is None
    assert 0.9 <= time.monotonic() - started < 5


@pytest.mark.parametrize("wait", ["61", "99", "-1", "1.5", "x", "", "060", "٣"])
def test_a_wait_that_is_no_whole_number_up_to_sixty_is_refused(phone, wait: str) -> None:
    phone.timeout = 3
    answer = phone.ask("GET", f"/v1/jobs/next?wait={quote(wait)}")
    assert (answer.status, answer.problem.code) == (400, "malformed")


def test_a_host_that_stops_sends_waiting_phones_away(tmp_path) -> None:
    answers = []
    with Host(open_place(str(tmp_path / "results.db")), HostOptions(port=0)) as host:
        phone = WireClient(host.port)
        phone.pair(host.pairing.token())
        waiting = threading.Thread(target=lambda: answers.append(phone.ask("GET", "/v1/jobs/next?wait=60")))
        waiting.start()
        time.sleep(0.5)
        started = time.monotonic()
    waiting.join(5)
    assert time.monotonic() - started < 5
    (answer,) = answers
    assert (answer.status, answer.problem.code, answer.headers["retry-after"]) == (503, "busy", "2")
