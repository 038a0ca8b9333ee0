"""What a device may send, and how much of it: over several jobs, and over time."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from small_jobs import small_job
from wire_client import WireClient

from mobiledeploy.records import Release
from mobiledeploy.server import desk as desks
from mobiledeploy.server.queue import NewJob
from mobiledeploy.server.refusal import Refusal


def refused(answer, status: int, code: str) -> None:
    assert (answer.status, answer.problem.code) == (status, code), answer.body


def test_a_device_that_has_reported_sends_nothing_more(host, phone, queued) -> None:
    phone.work(phone.next())
    refused(phone.put_blob(b"more"), 403, "forbidden")
    phone.next()
    assert phone.put_blob(b"more").status == 201


def test_blobs_are_for_the_devices_whose_jobs_need_them(host, phone, queued) -> None:
    other = WireClient(host.port)
    other.pair(host.pairing.token())
    phone.next()
    theirs = other.next().job.package.files[0].sha256
    refused(phone.ask("GET", f"/v1/blobs/{theirs}"), 403, "forbidden")
    assert other.ask("GET", f"/v1/blobs/{theirs}").status == 200


def test_the_outputs_of_one_job_have_a_limit_together(host, phone, queued, monkeypatch) -> None:
    monkeypatch.setattr(desks, "_OUTPUTS_OF_A_JOB", 100)
    lease = phone.next()
    assert phone.put_blob(b"a" * 60).status == 201
    refused(phone.put_blob(b"b" * 60), 413, "too-large")
    assert phone.put_blob(b"b" * 40).status == 201
    # what is there already costs nothing
    assert phone.put_blob(b"a" * 60).status == 200
    refused(phone.put_blob(b"c"), 413, "too-large")
    assert host.place.blobs.find("0" * 64) is None
    phone.release(lease.id, retry=False)


def test_a_job_that_is_never_reported_does_not_use_up_the_room_of_later_ones(host, phone, monkeypatch) -> None:
    monkeypatch.setattr(desks, "_OUTPUTS_OF_A_JOB", 100)
    host.queue.add([NewJob(small_job(f"job-{n}", host.place.blobs), "c", f"s{n}") for n in range(4)])
    given_up = phone.next()
    host.queue.release(host.pairing.device(phone.secret), given_up.id, Release("it cannot", retry=False))
    for index in range(3):
        time.sleep(0.002)  # leases are told apart by the millisecond they were given in
        lease = phone.next()
        assert lease.job.id == f"job-{index + 1}"
        assert phone.put_blob(bytes([index]) * 60).status == 201
        phone.work(lease)


def test_who_guessed_tokens_may_pair_a_minute_later(host, monkeypatch) -> None:
    desk, now = host.desk, 1000.0
    monkeypatch.setattr(desks, "time", SimpleNamespace(monotonic=lambda: now))
    for _ in range(30):
        desk.note_wrong_token("10.0.0.9")
    with pytest.raises(Refusal) as slowed:
        desk.allow_pairing("10.0.0.9")
    assert slowed.value.problem.status == 429
    desk.allow_pairing("10.0.0.8")
    now += 61
    desk.allow_pairing("10.0.0.9")


def test_what_is_remembered_of_strangers_is_bounded(host) -> None:
    for number in range(3000):
        host.desk.note_wrong_token(f"10.0.{number // 256}.{number % 256}")
    assert len(host.desk._wrong) <= 1001


def test_the_same_failure_is_told_once_a_minute_and_then_forgotten(host, monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(desks, "time", SimpleNamespace(monotonic=lambda: now))
    for _ in range(3):
        host.desk.note_failure(ValueError("x"))
    host.desk.note_failure(KeyError("y"))
    told = host.desk.failures()
    assert [text.partition(";")[0] for text in told] == ["the host failed: ValueError", "the host failed: KeyError"]
    assert host.desk.failures() == ()
    now += 61
    host.desk.note_failure(ValueError("x"))
    assert (host.desk.failures(), len(host.desk._failures)) == (told[:1], 1)


def test_what_is_remembered_of_devices_does_not_grow_with_their_jobs(host, phone, queued) -> None:
    for _ in queued:
        phone.work(phone.next())
    assert len(host.desk._sent) == 1


def test_a_device_is_known_by_its_secret_only(host, phone) -> None:
    for authorization in (f"Basic {phone.secret}", f"Bearer {phone.secret[:-1]}", f"Bearer {'x' * 257}", "Bearer "):
        refused(WireClient(host.port).ask("GET", "/v1/jobs/next", Authorization=authorization), 401, "unpaired")
    assert WireClient(host.port).ask("GET", "/v1/jobs/next", Authorization=f"bearer {phone.secret}").status == 204
