"""A phone in Python: the protocol over real HTTP, with nothing of the package's but its records."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
import urllib.parse
from dataclasses import dataclass, field, replace
from typing import Any

from mobiledeploy.records import (
    AppIdentity,
    BenchmarkReport,
    ConditionSample,
    DeviceIdentity,
    Heartbeat,
    HeartbeatAnswer,
    Job,
    Lease,
    PairingAnswer,
    PairingRequest,
    Problem,
    Progress,
    Receipt,
    Release,
    Round,
    SampleOutputs,
    TensorContent,
    UnitRun,
    Validity,
    codec,
)

DEVICE = DeviceIdentity("simulated", "iPhone13,2", "a simulated phone", "Linux", "6.1", "", 2, 1 << 32)
APP = AppIdentity("0.1.0", "unknown", "release")
REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def record(self, kind: type) -> Any:
        return codec.loads(kind, self.body.decode(), where="answer")

    @property
    def problem(self) -> Problem:
        found = self.record(Problem)
        assert found.status == self.status
        assert found.message
        assert found.remedy
        return found


@dataclass
class WireClient:
    """One device. `secret`: None until it has paired."""

    port: int
    device: DeviceIdentity = DEVICE
    app: AppIdentity = APP
    secret: str | None = None
    timeout: float = 60.0
    id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        sent = dict(self.headers) | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            sent.setdefault("Authorization", f"Bearer {self.secret}")
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()})
        finally:
            connection.close()

    def send(self, method: str, path: str, record: Any) -> Answer:
        return self.ask(method, path, codec.dumps(record).encode(), Content_Type="application/json")

    def pairing(self, token: str, protocols: tuple[int, ...] = (1,)) -> Answer:
        return self.send("POST", "/v1/pairings", PairingRequest(token, self.device, self.app, protocols))

    def pair(self, token: str) -> PairingAnswer:
        answer = self.pairing(token)
        assert answer.status == 201, answer.body
        found: PairingAnswer = answer.record(PairingAnswer)
        self.secret, self.id = found.secret, found.device_id
        return found

    def next(self, wait: int = 0) -> Lease | None:
        answer = self.ask("GET", f"/v1/jobs/next?wait={wait}")
        if answer.status == 204:
            return None
        assert answer.status == 200, answer.body
        lease: Lease = answer.record(Lease)
        return lease

    def beat(self, lease: str, progress: Progress | None = None) -> Answer:
        return self.send("POST", f"/v1/leases/{lease}/heartbeat", Heartbeat(progress or Progress("fetch")))

    def release(self, lease: str, *, retry: bool = True) -> Answer:
        return self.send("POST", f"/v1/leases/{lease}/release", Release("asked to", retry))

    def fetch(self, digest: str, start: int = 0) -> bytes:
        answer = self.ask("GET", f"/v1/blobs/{digest}", **({"Range": f"bytes={start}-"} if start else {}))
        assert answer.status == (206 if start else 200), answer.body
        return answer.body

    def put_blob(self, content: bytes, digest: str | None = None) -> Answer:
        return self.ask("PUT", f"/v1/blobs/{digest or hashlib.sha256(content).hexdigest()}", content)

    def put_report(self, job: str, report: BenchmarkReport) -> Answer:
        return self.send("PUT", f"/v1/jobs/{job}/report", report)

    def work(self, lease: Lease) -> Receipt:
        """Everything that a phone does with a job, in no time."""
        contents = {file.sha256 for file in lease.job.package.files}
        contents |= {tensor.sha256 for sample in lease.job.samples for tensor in sample.inputs}
        for digest in contents:
            assert hashlib.sha256(self.fetch(digest)).hexdigest() == digest
        heard = self.beat(lease.id, Progress("rounds", "all", 1, 0.5))
        assert heard.record(HeartbeatAnswer).cancelled is False
        report, blobs = report_of(lease.job, self.device, self.app)
        for content in blobs:
            assert self.put_blob(content).status in (200, 201)
        answer = self.put_report(lease.job.id, report)
        assert answer.status == 201, answer.body
        receipt: Receipt = answer.record(Receipt)
        return receipt


def report_of(
    job: Job,
    device: DeviceIdentity = DEVICE,
    app: AppIdentity = APP,
    *,
    outputs: dict[str, bytes] | None = None,
    milliseconds: float = 1.0,
) -> tuple[BenchmarkReport, list[bytes]]:
    """A report that fits the job, with made-up times, and the blobs that go with it. `outputs`: float32, by name."""
    outputs = {"logits": job.id.encode().ljust(16, b"\0")[:16]} if outputs is None else outputs
    tensors = tuple(
        TensorContent(name, "float32", (1, len(data) // 4), hashlib.sha256(data).hexdigest(), len(data))
        for name, data in outputs.items()
    )
    plan, base = job.plan, round(milliseconds * 1e6)
    units = tuple(
        UnitRun(
            unit,
            cold_load_ns=(900_000_000,) * plan.cold_loads,
            cached_load_ns=30_000_000,
            first_prediction_ns=4_000_000,
            rounds=tuple(
                Round(
                    tuple(10**9 * (r + 1) + 2 * base * i for i in range(plan.iterations)),
                    tuple(base + 1000 * ((7 * i + 3 * r + 13 * u) % 23) for i in range(plan.iterations)),
                    (2 * base,) * plan.warm_up,
                    30_000_000 if plan.reload else None,
                )
                for r in range(plan.rounds)
            ),
            outputs=tuple(SampleOutputs(sample.name, tensors) for sample in job.samples) if plan.outputs else (),
        )
        for u, unit in enumerate(plan.compute_units)
    )
    report = BenchmarkReport(
        id=f"r-{job.id}",
        job=job.id,
        package=job.package.identity,
        device=device,
        app=app,
        plan=plan,
        started="2026-11-20T12:00:00Z",
        duration_ns=10**10,
        clock="monotonic",
        clock_resolution_ns=1,
        overhead_ns=50,
        units=units,
        conditions=(ConditionSample(0, "nominal", False, True, False),),
        validity=Validity(device.kind in ("phone", "mac"), () if device.kind in ("phone", "mac") else ("not real",)),
    )
    return report, list(outputs.values()) if plan.outputs else []


def raw(port: int, data: bytes, *, seconds: float = 5.0) -> bytes:
    """What the host answers to bytes that are no proper request, until it closes or is silent for so long."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        received = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
        return received


def url(**query: Any) -> str:
    return urllib.parse.urlencode(query)


def until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


__all__ = ["APP", "DEVICE", "Answer", "WireClient", "json", "raw", "replace", "report_of", "until", "url"]
