"""Several programs with one store, all at the same moment: everything happens once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from small_jobs import small_job
from stores import EVERY_STORE
from wire_client import APP, DEVICE, report_of

from mobiledeploy.records import PairingRequest, Receipt, codec
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.ledger import open_ledger
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, Reported, read_report
from mobiledeploy.server.refusal import Refusal
from mobiledeploy.server.tables import endings, formats, leases, reports

STORES = EVERY_STORE
TERMS = Terms()
MANY = 6
T = TypeVar("T")


def at_once(calls: list[Callable[[], T]]) -> list[T | Refusal]:
    """What each gave, all begun at the same moment."""
    gate = threading.Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T | Refusal:
        gate.wait(30)
        try:
            return call()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


@pytest.fixture
def places(store: str, tmp_path: Path) -> Iterator[list[Place]]:
    """The same store, opened as by so many programs: each has connections of its own."""
    opened = [open_place(store, tmp_path / "blobs") for _ in range(MANY)]
    yield opened
    for place in opened:
        place.ledger.close()


def device(place: Place) -> Device:
    pairing = Pairing(place.ledger, TERMS)
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    return Device(answer.device_id, DEVICE)


def rows(place: Place, table) -> list:
    with place.ledger.reading() as connection:
        return list(connection.execute(table.select()))


def reported(job, place: Place, **changes) -> Reported:
    report, blobs = report_of(job)
    for content in blobs:
        place.blobs.add(content)
    return read_report(codec.dumps(replace(report, **changes)).encode())


def test_a_store_that_all_make_at_once_is_made_once(store: str) -> None:
    ledgers = at_once([lambda: open_ledger(store)] * MANY)
    keys = at_once([lambda ledger=ledger: ledger.key("pairing") for ledger in ledgers])
    assert len(set(keys)) == 1
    with ledgers[0].reading() as connection:
        assert len(list(connection.execute(formats.select()))) == 1
    for ledger in ledgers:
        ledger.close()


def test_a_job_is_given_to_one_of_all_who_ask(places: list[Place]) -> None:
    queues = [JobQueue(place.ledger, TERMS) for place in places]
    phones = [device(places[0]) for _ in range(MANY)]
    for number in range(4):
        queues[0].add([NewJob(small_job(f"job-{number}", places[0].blobs), "c", f"s{number}")])
        found = at_once([lambda q=q, p=p: q.take(p) for q, p in zip(queues, phones, strict=True)])
        given = [lease for lease in found if lease is not None]
        assert [(lease.job.id, lease.attempt) for lease in given] == [(f"job-{number}", 1)]
        phones.pop(found.index(given[0]))
        queues.pop()


def test_one_device_that_asks_several_times_at_once_has_one_lease(places: list[Place]) -> None:
    queues = [JobQueue(place.ledger, TERMS) for place in places]
    queues[0].add([NewJob(small_job(f"job-{number}", places[0].blobs), "c", f"s{number}") for number in range(MANY)])
    phone = device(places[0])
    found = at_once([lambda q=q: q.take(phone) for q in queues])
    assert len({lease.id for lease in found}) == 1
    assert len(rows(places[0], leases)) == 1


def test_a_report_that_is_sent_several_times_at_once_counts_once(places: list[Place]) -> None:
    queue, phone = JobQueue(places[0].ledger, TERMS), device(places[0])
    for number in range(4):
        job = small_job(f"job-{number}", places[0].blobs)
        queue.add([NewJob(job, "c", job.id)])
        queue.take(phone)
        sent = reported(job, places[0])
        receptions = [Reception(place.ledger, place.blobs) for place in places]
        found = at_once([lambda r=r, j=job, s=sent: r.take(phone, j.id, s) for r in receptions])
        assert sorted(found, key=lambda receipt: receipt.first) == [
            *[Receipt(sent.report.id, False)] * (MANY - 1),
            Receipt(sent.report.id, True),
        ]
    assert len(rows(places[0], reports)) == len(rows(places[0], endings)) == 4


def test_of_different_reports_for_one_job_one_is_stored(places: list[Place]) -> None:
    """Over the network and as files; whoever is second learns that the job has another."""
    queue, phone = JobQueue(places[0].ledger, TERMS), device(places[0])
    job = small_job("job", places[0].blobs)
    queue.add([NewJob(job, "c", job.id)])
    queue.take(phone)
    calls: list[Callable[[], Receipt]] = []
    for number, place in enumerate(places):
        sent, reception = reported(job, places[0], id=f"r-{number}"), Reception(place.ledger, place.blobs)
        take = (
            (lambda r=reception, s=sent: r.take(phone, "job", s))
            if number % 2
            else (lambda r=reception, s=sent: r.bring(s))
        )
        calls.append(take)
    found = at_once(calls)
    first = [each for each in found if isinstance(each, Receipt)]
    assert [receipt.first for receipt in first] == [True]
    assert {each.problem.code for each in found if isinstance(each, Refusal)} == {"conflict"}
    assert [row.id for row in rows(places[0], reports)] == [first[0].report]


def test_a_token_pairs_one_of_all_who_scan_it(places: list[Place]) -> None:
    pairings = [Pairing(place.ledger, TERMS) for place in places]
    token = pairings[0].token()
    requests = [PairingRequest(token, replace(DEVICE, name=f"phone {number}"), APP, (1,)) for number in range(MANY)]
    found = at_once([lambda p=p, r=r: p.pair(r) for p, r in zip(pairings, requests, strict=True)])
    assert sum(not isinstance(each, Refusal) for each in found) == 1
    assert {each.problem.code for each in found if isinstance(each, Refusal)} == {"token"}


def test_a_lease_that_several_find_late_is_lost_once(places: list[Place]) -> None:
    queue, phone = JobQueue(places[0].ledger, TERMS), device(places[0])
    queue.add([NewJob(small_job("job", places[0].blobs), "c", "s")])
    queue.take(phone)
    late = [JobQueue(place.ledger, Terms(lease_seconds=0.0)) for place in places]
    for one in late:
        one.expire()
    at_once([one.expire for one in late])
    assert [row.kind for row in rows(places[0], endings)] == ["lost"]
