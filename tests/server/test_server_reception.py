"""Reports without a device behind them, and what is too much to read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_jobs import small_job
from wire_client import APP, DEVICE, report_of

from mobiledeploy.records import PairingRequest, codec
from mobiledeploy.server import reception as receptions
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, Reported, read_report
from mobiledeploy.server.refusal import Refusal


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "results.db"))


@pytest.fixture
def job(place: Place):
    job = small_job("job-1", place.blobs)
    JobQueue(place.ledger, Terms()).add([NewJob(job, "c", "s", about='{"of": "the job"}')])
    return job


def reported(job, place: Place) -> Reported:
    report, blobs = report_of(job)
    for content in blobs:
        place.blobs.add(content)
    return read_report(codec.dumps(report).encode())


def rows(place: Place, columns: str = "job, imported, about, device IS NULL") -> list[tuple]:
    with place.ledger.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM reports")]


def test_an_imported_report_is_marked_and_keeps_what_belongs_to_its_job(job, place) -> None:
    found = reported(job, place)
    reception = Reception(place.ledger, place.blobs)
    assert [reception.bring(found).first for _ in range(2)] == [True, False]
    assert rows(place) == [("job-1", True, '{"of": "the job"}', True)]


def test_a_report_of_an_unknown_job_is_imported_as_it_is(place) -> None:
    found = reported(small_job("elsewhere", place.blobs), place)
    assert Reception(place.ledger, place.blobs).bring(found).first
    assert rows(place) == [("elsewhere", True, "{}", True)]


def test_an_imported_report_must_fit_its_job(job, place) -> None:
    found = reported(job, place)
    other = replace(found.report, plan=replace(job.plan, rounds=1))
    with pytest.raises(Refusal, match="does not fit its job: it is of another plan"):
        Reception(place.ledger, place.blobs).bring(Reported(other, codec.dumps(other).encode()))
    assert rows(place) == []


def test_a_report_that_is_imported_frees_the_phone_that_has_the_job(job, place) -> None:
    pairing, queue = Pairing(place.ledger, Terms()), JobQueue(place.ledger, Terms())
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    phone = Device(answer.device_id, DEVICE)
    lease = queue.take(phone)
    Reception(place.ledger, place.blobs).bring(reported(job, place))
    assert queue.take(phone) is None
    with pytest.raises(Refusal, match="the lease is over: reported"):
        queue.release(phone, lease.id, None)


def test_a_report_of_too_many_elements_is_not_read(job, place, monkeypatch) -> None:
    body = reported(job, place).body
    elements = sum(body.count(mark) for mark in (b",", b"[", b"{"))
    monkeypatch.setattr(receptions, "MOST_ELEMENTS", elements)
    assert read_report(body).report.job == "job-1"
    monkeypatch.setattr(receptions, "MOST_ELEMENTS", elements - 1)
    with pytest.raises(Refusal) as refused:
        read_report(body)
    assert (refused.value.problem.status, refused.value.problem.code) == (413, "too-large")


def test_what_is_stored_is_what_was_sent(job, place) -> None:
    found = reported(job, place)
    body = found.body.replace(b'"duration_ns"', b'"of_a_later_version": 1, "duration_ns"', 1)
    Reception(place.ledger, place.blobs).bring(read_report(body))
    assert rows(place, "document") == [(body.decode(),)]
