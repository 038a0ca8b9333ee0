"""Every refusal in the table of docs/protocol.md is met, and the host has no other for these requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from serve_process import ROOT
from small_jobs import small_job
from wire_client import DEVICE, Answer, WireClient, raw, report_of

from mobiledeploy import server
from mobiledeploy.records import Lease, PairingRequest, Release, codec
from mobiledeploy.server.queue import NewJob

if TYPE_CHECKING:
    from mobiledeploy.server.host import Host

PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?:`([A-Z]+ /v1/\S+)`|(any[^|]*)) \|[^|]*\|([^|]*)\|([^|]*)\|[^|]*\|$", re.MULTILINE)
ALL_BUT_PAIRING, ANYTHING = "any of these but pairing", "anything"

PAIRING, NEXT = "POST /v1/pairings", "GET /v1/jobs/next"
HEARTBEAT, RELEASE = "POST /v1/leases/LEASE/heartbeat", "POST /v1/leases/LEASE/release"
FETCH, SEND, REPORT = "GET /v1/blobs/SHA256", "PUT /v1/blobs/SHA256", "PUT /v1/jobs/JOB/report"

NOTHING = "0" * 64


def documented(column: int, pattern: str) -> dict[str, set[Any]]:
    rows = {match[1] or match[2].strip(): re.findall(pattern, match[column]) for match in ROW.finditer(PAGE)}
    assert set(rows) == {PAIRING, NEXT, HEARTBEAT, RELEASE, FETCH, SEND, REPORT, ALL_BUT_PAIRING, ANYTHING}
    return {request: set(found) for request, found in rows.items()}


@dataclass
class Scene:
    """A host with three jobs, a phone that holds a lease on the first, and one that holds none."""

    host: Host
    phone: WireClient
    idle: WireClient
    lease: Lease
    patched: pytest.MonkeyPatch

    def path(self, request: str) -> tuple[str, str]:
        method, path = request.split()
        path = path.replace("LEASE", self.lease.id).replace("JOB", self.lease.job.id)
        return method, path.replace("SHA256", self.lease.job.package.files[0].sha256)

    def sent(self, request: str, body: bytes | None = None, by: WireClient | None = None, **headers: str) -> Answer:
        return (by or self.phone).ask(*self.path(request), body, **headers)

    def record(self, request: str) -> bytes:
        """A body that the host takes."""
        if request == PAIRING:
            return codec.dumps(PairingRequest(self.host.pairing.token(), DEVICE, self.phone.app, (1,))).encode()
        if request == REPORT:
            report, blobs = report_of(self.lease.job)
            for content in blobs:
                self.phone.put_blob(content)
            return codec.dumps(report).encode()
        known = Release("asked to") if request == RELEASE else None
        return (
            codec.dumps(known).encode()
            if known
            else b'{"schema": "mobiledeploy.heartbeat/1", "progress": {"phase": "fetch"}}'
        )

    def declared(self, request: str, length: int, body: bytes = b"") -> Answer:
        """A request that says it has so many bytes, and sends these."""
        method, path = self.path(request)
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.phone.secret}\r\n"
        received = raw(self.host.port, f"{head}Content-Length: {length}\r\n\r\n".encode() + body)
        first, _, content = received.partition(b"\r\n\r\n")
        return Answer(int(first[9:12]), content, {})


def over(scene: Scene, request: str) -> Answer:
    scene.phone.release(scene.lease.id)
    return scene.phone.ask(*scene.path(HEARTBEAT), scene.record(HEARTBEAT)) if request == HEARTBEAT else reported(scene)


def reported(scene: Scene) -> Answer:
    """The release of a lease that its report has ended."""
    lease = scene.phone.next()
    scene.phone.work(lease)
    return scene.phone.release(lease.id)


def elsewhere(scene: Scene, request: str) -> Answer:
    method, path = scene.path(request)
    return scene.phone.ask(method, re.sub(r"(leases|jobs|blobs)/[^/]+", rf"\1/{NOTHING}x", path), scene.record(request))


def conflict(scene: Scene, request: str) -> Answer:
    document = json.loads(scene.record(request))
    assert scene.sent(request, json.dumps(document).encode()).status == 201
    return scene.sent(request, json.dumps(document, indent=1).encode())


def guessed(scene: Scene, request: str) -> Answer:
    for number in range(30):
        scene.idle.pairing(f"{number:08}")
    return scene.idle.pairing("00000000")


def stopping(scene: Scene, request: str) -> Answer:
    scene.host.desk.stopping.set()
    return scene.phone.ask("GET", "/v1/jobs/next")


def failing(scene: Scene) -> Answer:
    scene.patched.setattr(scene.host.queue, "take", lambda device: 1 / 0)
    return scene.phone.ask("GET", "/v1/jobs/next")


def crowded(scene: Scene) -> Answer:
    scene.patched.setattr("mobiledeploy.server.app._MOST_REQUESTS", 0)
    return scene.phone.ask("GET", "/nowhere")


def foreign(scene: Scene, request: str) -> Answer:
    return scene.sent(request, scene.record(request) if request != SEND else b"abc", by=scene.idle)


# How each refusal of a request is met.
MET: dict[tuple[str, str], Callable[[Scene, str], Answer]] = {
    ("400", "malformed"): lambda scene, request: (
        scene.phone.ask("GET", "/v1/jobs/next?wait=61") if request == NEXT else scene.sent(request, b"{")
    ),
    ("400", "schema"): lambda scene, request: scene.sent(request, b'{"schema": "mobiledeploy.problem/1"}'),
    ("400", "digest"): lambda scene, request: scene.phone.put_blob(b"abc", NOTHING),
    ("401", "token"): lambda scene, request: scene.idle.pairing("0000-0000"),
    ("403", "forbidden"): foreign,
    ("404", "not-found"): elsewhere,
    ("408", "slow"): lambda scene, request: scene.declared(request, 1000, b"{"),
    ("409", "conflict"): conflict,
    ("410", "lease-lost"): over,
    ("413", "too-large"): lambda scene, request: scene.declared(request, (64 << 20) + 1),
    ("416", "range"): lambda scene, request: scene.sent(request, Range="bytes=999999-"),
    ("426", "protocol"): lambda scene, request: scene.idle.pairing(scene.host.pairing.token(), (2,)),
    ("429", "busy"): guessed,
    ("503", "busy"): stopping,
}

ANYWHERE: dict[tuple[str, str], Callable[[Scene], Answer]] = {
    ("400", "malformed"): lambda scene: Answer(
        400, raw(scene.host.port, b"HELO\r\n\r\n").partition(b"\r\n\r\n")[2], {}
    ),
    ("404", "not-found"): lambda scene: scene.phone.ask("GET", "/v1/nothing"),
    ("405", "not-found"): lambda scene: scene.phone.ask("PATCH", "/v1/jobs/next"),
    ("500", "internal"): failing,
    ("503", "busy"): crowded,
}


@pytest.fixture
def scene(host, phone, queued, monkeypatch) -> Scene:
    """Of the three jobs two are left: the second in the queue is the one that a released first makes room for."""
    idle = WireClient(host.port)
    idle.pair(host.pairing.token())
    return Scene(host, phone, idle, phone.next(), monkeypatch)


REFUSALS = [
    (request, status, code)
    for request, found in documented(4, r"(\d{3}) `([a-z-]+)`").items()
    for status, code in sorted(found)
]


@pytest.mark.parametrize(("request_", "status", "code"), REFUSALS, ids=[" ".join(row) for row in REFUSALS])
def test_every_documented_refusal_is_met(scene, request_: str, status: str, code: str) -> None:
    if request_ == ALL_BUT_PAIRING:
        answers = [scene.sent(each, b"{}", by=WireClient(scene.host.port)) for each in (NEXT, *WITH_BODY[1:], FETCH)]
    elif request_ == ANYTHING:
        answers = [ANYWHERE[status, code](scene)]
    else:
        answers = [MET[status, code](scene, request_)]
    for answer in answers:
        assert (answer.status, answer.problem.code) == (int(status), code), answer.body
        assert ("retry-after" in answer.headers) == (status in ("429", "503"))


WITH_BODY = (PAIRING, HEARTBEAT, RELEASE, SEND, REPORT)


def test_the_table_names_every_refusal_that_the_sources_have() -> None:
    """The codes that stand in mobiledeploy/server, with their statuses."""
    written = set()
    for source in Path(server.__file__).parent.glob("*.py"):
        written |= set(re.findall(r'(?:Refusal|Problem)\(\s*(\d{3}),\s*"([a-z-]+)"', source.read_text()))
    told = set().union(*documented(4, r"(\d{3}) `([a-z-]+)`").values())
    assert told == written | {("400", "schema"), ("404", "not-found"), ("405", "not-found")}


@pytest.mark.parametrize("request_", [PAIRING, NEXT, HEARTBEAT, RELEASE, FETCH, SEND, REPORT])
def test_every_request_may_be_repeated(scene, request_: str) -> None:
    """The last column of the table: the status of the second of two equal requests, and its body."""
    if request_ == SEND:
        first, again = scene.phone.put_blob(b"abcd"), scene.phone.put_blob(b"abcd")
    else:
        body = scene.record(request_) if request_ in WITH_BODY else None
        first, again = scene.sent(request_, body), scene.sent(request_, body)
    done = {int(status) for status in documented(3, r"\d{3}")[request_]}
    assert first.status in done
    assert again.status in done
    if request_ == REPORT:
        assert (json.loads(first.body)["first"], json.loads(again.body)["first"]) == (True, False)
    else:
        assert again.body == first.body


def test_a_lease_that_ended_otherwise_says_how(scene) -> None:
    assert "released" in over(scene, HEARTBEAT).problem.message


def test_a_blob_of_nobody_is_not_found_and_one_of_another_job_is_forbidden(scene) -> None:
    theirs = small_job("theirs", scene.host.place.blobs)
    scene.host.queue.add([NewJob(theirs, "c", "s")])
    answer = scene.phone.ask("GET", f"/v1/blobs/{theirs.package.files[0].sha256}")
    assert (answer.status, answer.problem.code) == (403, "forbidden")


def test_a_newer_record_says_that_the_host_is_to_be_updated_and_another_that_the_phone_is(scene) -> None:
    newer = scene.sent(HEARTBEAT, b'{"schema": "mobiledeploy.heartbeat/2"}').problem
    other = scene.sent(HEARTBEAT, b'{"schema": "mobiledeploy.receipt/1"}').problem
    assert (newer.remedy, other.remedy) == ("Update mobiledeploy on the host.", "Update the app on the phone.")


def test_a_wrong_value_that_speaks_of_a_schema_is_malformed_all_the_same(scene) -> None:
    body = b'{"schema": "mobiledeploy.heartbeat/1", "progress": {"phase": {"schema": 1}}}'
    assert scene.sent(HEARTBEAT, body).problem.code == "malformed"


def test_a_refusal_says_what_would_do(scene) -> None:
    """In the headers that RFC 9110 has for it."""
    blob = scene.lease.job.package.files[0]
    assert scene.sent(FETCH, Range=f"bytes={blob.bytes}-").headers["content-range"] == f"bytes */{blob.bytes}"
    allowed = scene.phone.ask("DELETE", f"/v1/blobs/{blob.sha256}").headers["allow"]
    assert set(allowed.replace(" ", "").split(",")) == {"GET", "HEAD", "PUT"}
