"""What strangers, thieves and broken apps send: the right status, nothing stored, nothing held in memory."""

from __future__ import annotations

import gc
import hashlib
import http.client
import random
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest
from random_requests import random_request
from small_jobs import small_job
from sqlalchemy import select
from wire_client import APP, DEVICE, WireClient, raw, report_of

from mobiledeploy.records import AppIdentity, Job, OperatorPlacement, Problem, Round, TensorContent, codec
from mobiledeploy.server.guard import GuardedProtocol
from mobiledeploy.server.pairing import TOKEN_SECONDS, Pairing, Terms
from mobiledeploy.server.queue import NewJob
from mobiledeploy.server.tables import reports

if TYPE_CHECKING:
    from mobiledeploy.server.ledger import Ledger

SIZES = {"tokens": 1, "devices": 1, "jobs": 3, "leases": 1, "endings": 0, "cancellations": 0, "reports": 0}


def sizes(ledger: Ledger) -> dict[str, int]:
    with ledger.reading() as store:
        return {table: store.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in SIZES}


@pytest.fixture
def lease(phone, queued):
    return phone.next()


@pytest.fixture
def unchanged(host, lease):
    """The store and the blobs are as they were, when the test has ended."""
    before = {path: path.read_bytes() for path in host.place.blobs.folder.rglob("*") if path.is_file()}
    yield
    assert sizes(host.place.ledger) == SIZES
    assert {path: path.read_bytes() for path in host.place.blobs.folder.rglob("*") if path.is_file()} == before


def refused(answer, status: int, code: str) -> str:
    assert (answer.status, answer.problem.code) == (status, code), answer.body
    return answer.problem.message


def test_wrong_and_empty_tokens_are_refused(unchanged, host) -> None:
    for token in ("", "0000-0000", "A" * 1000, "'; DROP TABLE tokens; --", "\0"):
        assert "is not known" in refused(WireClient(host.port).pairing(token), 401, "token")


def test_guessing_tokens_is_slowed_down(unchanged, host) -> None:
    stranger = WireClient(host.port)
    statuses = [stranger.pairing(f"{n:08}").status for n in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    slowed = stranger.pairing("00000000")
    assert (slowed.problem.code, slowed.headers["retry-after"]) == ("busy", "60")


def test_an_expired_token_is_refused(host, phone, lease) -> None:
    late = Pairing(host.place.ledger, Terms(), clock=lambda: time.time() - TOKEN_SECONDS - 1)
    assert "has expired" in refused(WireClient(host.port).pairing(late.token()), 401, "token")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/next"),
        ("POST", "/v1/leases/x/heartbeat"),
        ("POST", "/v1/leases/x/release"),
        ("GET", "/v1/blobs/" + "0" * 64),
        ("PUT", "/v1/blobs/" + "0" * 64),
        ("PUT", "/v1/jobs/x/report"),
    ],
)
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5000])
def test_without_a_secret_nothing_is_answered(unchanged, host, method, path, authorization) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    refused(WireClient(host.port, headers=headers).ask(method, path, b"{}"), 401, "unpaired")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/blobs/../../../../etc/passwd",
        "/v1/blobs/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/blobs/%2e%2e/%2e%2e/results.db",
        "/v1/blobs/" + "0" * 63,
        "/v1/blobs/" + "0" * 65,
        "/v1/blobs/" + "A" * 64,
        "/v1/blobs/" + "0" * 61 + "%00..",
        "/v1/blobs/" + "%D9%A0" * 64,
        "/v1/blobs/",
        "/v1/jobs/next/",
        "/v2/jobs/next",
        "/",
        "//etc/passwd",
    ],
)
def test_paths_that_lead_elsewhere_lead_nowhere(unchanged, phone, path) -> None:
    for method in ("GET", "PUT") if "blobs" in path else ("GET",):
        refused(phone.ask(method, path, b"x" if method == "PUT" else None), 404, "not-found")


def test_another_method_is_refused(unchanged, phone) -> None:
    refused(phone.ask("DELETE", "/v1/jobs/next"), 405, "not-found")


def test_blobs_of_other_jobs_are_not_given(unchanged, host, phone, queued) -> None:
    theirs = queued[1].package.files[0].sha256
    refused(phone.ask("GET", f"/v1/blobs/{theirs}"), 403, "forbidden")
    refused(phone.ask("GET", "/v1/blobs/" + "0" * 64), 404, "not-found")


def test_a_device_without_a_job_sends_nothing(host, queued, lease) -> None:
    idle = WireClient(host.port)
    idle.pair(host.pairing.token())
    refused(idle.put_blob(b"abcd"), 403, "forbidden")
    refused(idle.put_report("job-0", report_of(queued[0])[0]), 403, "forbidden")
    refused(idle.beat(lease.id), 403, "forbidden")
    refused(idle.release(lease.id), 403, "forbidden")
    refused(idle.put_report("no-such-job", report_of(queued[0])[0]), 404, "not-found")


def test_bytes_of_another_hash_are_not_kept(unchanged, phone, lease) -> None:
    refused(phone.put_blob(b"abcd", hashlib.sha256(b"abce").hexdigest()), 400, "digest")


MALFORMED = [
    (b"", 400, "malformed"),
    (b"{", 400, "malformed"),
    (b"[]", 400, "malformed"),
    (b"\xff\xfe", 400, "malformed"),
    (b"[" * 60_000, 400, "malformed"),
    (b'{"schema": "mobiledeploy.benchmark/2"}', 400, "schema"),
    (b'{"schema": "mobiledeploy.receipt/1"}', 400, "schema"),
    (b'{"schema": "mobiledeploy.benchmark/1"}', 400, "malformed"),
    (b'{"schema": "mobiledeploy.benchmark/1", "id": NaN}', 400, "malformed"),
    (b'{"schema": "mobiledeploy.benchmark/1", "id": "\\ud800"}', 400, "malformed"),
    (b'{"schema": 1}', 400, "schema"),
]


@pytest.mark.parametrize("row", MALFORMED, ids=[repr(row[0][:40]) for row in MALFORMED])
def test_documents_that_are_no_records_are_refused(unchanged, host, phone, lease, row) -> None:
    content, status, code = row
    refused(phone.ask("PUT", f"/v1/jobs/{lease.job.id}/report", content), status, code)
    other = content.replace(b"benchmark", b"heartbeat")
    refused(phone.ask("POST", f"/v1/leases/{lease.id}/heartbeat", other), status, code)
    other = content.replace(b"benchmark", b"pairing-request")
    refused(WireClient(host.port).ask("POST", "/v1/pairings", other), status, code)


def spoiled(job: Job):
    """(what is wrong, a report that has it)."""
    report, _ = report_of(job)
    unit = report.units[0]
    first = unit.rounds[0]

    def with_unit(**changes):
        return replace(report, units=(replace(unit, **changes), *report.units[1:]))

    tensor = TensorContent("logits", "float32", (1, 4), "0" * 64, 16)
    yield "it is of job job-1", replace(report, job="job-1")
    yield "it is of another package", replace(report, package="0" * 64)
    yield "it is of another plan", replace(report, plan=replace(report.plan, rounds=1))
    yield "its id is not", replace(report, id="")
    yield "its id is not", replace(report, id="../../x")
    yield "`started` is no time of day", replace(report, started="yesterday")
    yield "a duration is negative", replace(report, duration_ns=-1)
    yield "its compute units are not the plan's", replace(report, units=(unit, unit))
    yield "its compute units are not the plan's", with_unit(compute_units="cpuAndGPU")
    yield "round 1 has 2 starts and 3", with_unit(rounds=(replace(first, starts_ns=first.starts_ns[1:]),))
    yield "round 1 has a negative time", with_unit(rounds=(Round((0,), (-1,)),))
    yield "round 1 has a negative time", with_unit(rounds=(Round((0,), (1,), (-1,)),))
    yield "round 1 has a negative time", with_unit(rounds=(Round((0,), (1,), (), -1),))
    yield "a load or the first prediction", with_unit(first_prediction_ns=-1)
    yield "a load or the first prediction", with_unit(cached_load_ns=-1)
    yield "a load or the first prediction", with_unit(cold_load_ns=(5, -1))
    for cost in (-0.1, 1.1, float("nan")):
        yield "the cost of an operator", with_unit(placements=(OperatorPlacement("conv", "a", cost=cost),))
    for condition in (replace(report.conditions[0], at_ns=-1), replace(report.conditions[0], battery_level=1.5)):
        yield "a condition is out of its range", replace(report, conditions=(condition,))
    yield "were not sent", report
    another_size = "cpuOnly: output logits has another size than its shape and dtype"
    for message, wrong in (
        (another_size, replace(tensor, bytes=12)),
        (another_size, replace(tensor, shape=(-1, -4))),
        (another_size, replace(tensor, dtype="float16")),
        ("cpuOnly: the bytes of output logits were not sent", replace(tensor, sha256="../x")),
    ):
        yield message, with_unit(outputs=(replace(unit.outputs[0], outputs=(wrong,)),))
    yield "its outputs are not", with_unit(outputs=unit.outputs * 2)
    huge = replace(tensor, shape=(2**62,) * 100_000)
    yield "has more than 16 axes", with_unit(outputs=(replace(unit.outputs[0], outputs=(huge,)),))
    yield "are not of the job's samples", with_unit(outputs=(replace(unit.outputs[0], sample="other"),))
    yield "another device than was paired", replace(report, device=replace(DEVICE, kind="phone"))
    yield "another device than was paired", replace(report, device=replace(DEVICE, hardware="iPhone17,1"))


def test_reports_that_do_not_fit_their_job_are_refused(unchanged, phone, lease) -> None:
    for message, report in spoiled(lease.job):
        assert message in refused(phone.put_report(lease.job.id, report), 400, "malformed")


def test_outputs_of_another_length_than_is_told_are_refused(host, phone, lease) -> None:
    """The hash is right, and so is the size that shape and dtype give; the blob has fewer bytes."""
    content = b"only twelve."
    assert phone.put_blob(content).status == 201
    report, _ = report_of(lease.job)
    tensor = TensorContent("logits", "float32", (1, 4), hashlib.sha256(content).hexdigest(), 16)
    outputs = (replace(report.units[0].outputs[0], outputs=(tensor,)),)
    changed = replace(report, units=(replace(report.units[0], outputs=outputs), replace(report.units[1], outputs=())))
    assert "the bytes of output logits were not sent" in refused(phone.put_report("job-0", changed), 400, "malformed")


def test_reports_for_jobs_of_others_are_refused(unchanged, phone, queued, lease) -> None:
    refused(phone.put_report("job-1", report_of(queued[1])[0]), 403, "forbidden")


def test_one_report_cannot_stand_for_two_jobs(host, phone, lease) -> None:
    phone.work(lease)
    second = phone.next()
    report, blobs = report_of(second.job)
    for content in blobs:
        phone.put_blob(content)
    refused(phone.put_report(second.job.id, replace(report, id=f"r-{lease.job.id}")), 409, "conflict")


def test_debug_builds_and_simulated_devices_are_kept_apart(host) -> None:
    for kind, app, expected in (
        ("phone", APP, "real"),
        ("mac", APP, "real"),
        ("phone", AppIdentity("0.1.0", "x", "debug"), "debug"),
        ("simulator", APP, "simulator"),
        ("simulated", APP, "simulated"),
    ):
        client = WireClient(host.port, device=replace(DEVICE, kind=kind), app=app)
        client.pair(host.pairing.token())
        job = small_job(f"{kind}-{app.configuration}", host.place.blobs)
        host.queue.add([NewJob(job, "c", job.id)])
        client.work(client.next())
        with host.place.ledger.reading() as store:
            assert store.execute(select(reports.c.standing).where(reports.c.job == job.id)).scalar() == expected


def test_a_declared_gigabyte_is_refused_at_once(unchanged, host, phone, lease) -> None:
    for path in (f"/v1/blobs/{'0' * 64}", f"/v1/jobs/{lease.job.id}/report"):
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {phone.secret}\r\n"
        answer = raw(host.port, f"{head}Content-Length: {1 << 30}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"too-large"' in answer
    answer = raw(host.port, f"POST /v1/pairings HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 17}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("value", ["-1", "1e9", "٣", "9" * 30, "x"])
def test_lengths_that_are_no_numbers_are_refused(unchanged, host, value) -> None:
    answer = raw(host.port, f"POST /v1/pairings HTTP/1.1\r\nHost: x\r\nContent-Length: {value}\r\n\r\n".encode())
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")
    problem = codec.loads(Problem, answer.partition(b"\r\n\r\n")[2].decode(), where="answer")
    assert problem.code in ("malformed", "too-large")


def test_a_body_without_end_is_cut_and_not_held(unchanged, host, phone, lease) -> None:
    """80 MiB in chunks, without a length: what was received is not in memory, and the file is gone."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    piece = bytes(1 << 20)
    with socket.create_connection(("127.0.0.1", host.port), timeout=30) as connection:
        connection.sendall(
            f"PUT /v1/blobs/{'0' * 64} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            f"Authorization: Bearer {phone.secret}\r\n\r\n".encode()
        )
        answer = b""
        try:
            for _ in range(80):
                connection.sendall(b"100000\r\n" + piece + b"\r\n")
            answer = connection.recv(65536)
        except ConnectionError:
            answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert process.memory_info().rss - before < 40 << 20


def test_a_refusal_of_a_body_that_was_read_is_immediate(host, phone) -> None:
    """There is nothing left to be thrown away; and the connection stays open for the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=5)
    headers, started = {"Authorization": f"Bearer {phone.secret}"}, time.monotonic()
    for _ in range(30):
        connection.request("POST", "/v1/leases/x/release", b"abc", headers)
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (400, False)
        answer.read()
    connection.close()
    assert time.monotonic() - started < 30 * host.options.patience.drain_seconds / 2


def test_a_body_that_trickles_is_cut(unchanged, host, phone, lease) -> None:
    started = time.monotonic()
    head = f"PUT /v1/blobs/{'0' * 64} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    answer = raw(host.port, f"{head}Authorization: Bearer {phone.secret}\r\n\r\nabc".encode(), seconds=5)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"slow"' in answer
    assert time.monotonic() - started < 4


def test_a_head_that_trickles_is_cut(unchanged, host, monkeypatch) -> None:
    """Byte after byte does not wind the clock up again."""
    monkeypatch.setattr(GuardedProtocol, "head_seconds", 0.5)
    with socket.create_connection(("127.0.0.1", host.port), timeout=5) as connection:
        started, cut = time.monotonic(), False
        for byte in b"GET /v1/jobs/next HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 200:
            try:
                connection.sendall(bytes([byte]))
            except ConnectionError:
                cut = True
                break
            time.sleep(0.02)
        assert cut
        assert time.monotonic() - started < 3


def test_a_head_without_end_is_refused(unchanged, host) -> None:
    answer = raw(host.port, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_random_requests_are_refused_and_memory_stays_flat(unchanged, host, phone, lease) -> None:
    """Seeded; `benchmarks/host_abuse.py` sends ten thousand."""
    generator, process, statuses = random.Random(7), psutil.Process(), set()
    for index in range(300):
        if index == 100:
            gc.collect()
            before = process.memory_info().rss
        statuses.add(int(raw(host.port, random_request(generator, phone.secret))[9:12]))
    assert statuses <= {204, 400, 401, 403, 404, 405, 410, 429}
    assert {400, 401, 404, 405} <= statuses
    gc.collect()
    assert process.memory_info().rss - before < 20 << 20


def test_a_host_listens_on_this_machine_only_unless_it_is_told_otherwise(host) -> None:
    found = [c.laddr for c in psutil.Process().net_connections("tcp") if c.laddr and c.laddr.port == host.port]
    assert {address.ip for address in found} == {"127.0.0.1"}
