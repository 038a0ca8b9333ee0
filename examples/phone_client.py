"""A phone in one file: docs/protocol.md from pairing to receipt, with nothing but Python's standard library.

    python examples/phone_client.py 'mobiledeploy://pair?host=http://127.0.0.1:8477&token=7KQ2-M9XD'

It takes jobs for simulated phones (`mobiledeploy bench FOLDER --device simulated --queue`) until none comes for
`--idle` seconds, and measures nothing: the times that it reports are made up, and it says so. Start here to write a
client for another system; what a real one does in the place of `made_up_unit` is in the page's section "A run".
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import threading
import time
import urllib.parse
import uuid
from pathlib import Path
from typing import Any

Document = dict[str, Any]

PAUSES = (0.25, 0.5, 1, 2, 4, 8, 15, 15, 15)
"""Seconds before each repetition of a request that was lost on the way, or that the host was too busy for."""

DEVICE = {
    "schema": "mobiledeploy.device/1",
    "kind": "simulated",
    "hardware": "example",
    "name": "the example client",
    "system": "Python",
    "system_version": "3",
    "build": "",
    "processors": 1,
    "memory_bytes": 1 << 30,
}
APP = {"schema": "mobiledeploy.app/1", "version": "1", "commit": "unknown", "configuration": "release"}


class Refused(Exception):  # noqa: N818 - it is the host's answer
    """The host said no. `problem`: its Problem; `retry_after`: seconds, 0 where it does not say."""

    def __init__(self, problem: Document, retry_after: float) -> None:
        super().__init__(f"{problem['message']}. {problem['remedy']}")
        self.problem = problem
        self.retry_after = retry_after


class Host:
    """Requests, with the pauses and repetitions that the page asks for. `secret`: None before pairing."""

    def __init__(self, address: str, secret: str | None = None) -> None:
        self._place = urllib.parse.urlsplit(address)
        self.secret = secret

    def once(self, method: str, path: str, body: bytes | None = None, first: int = 0) -> tuple[int, bytes]:
        """Status and body of one request; from byte `first` on. Raises Refused, OSError, HTTPException."""
        headers = {} if self.secret is None else {"Authorization": f"Bearer {self.secret}"}
        if first:
            headers["Range"] = f"bytes={first}-"
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=90)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(json.loads(content), float(answer.headers.get("Retry-After", 0)))
        return answer.status, content

    def ask(self, method: str, path: str, body: bytes | None = None, first: int = 0) -> tuple[int, bytes]:
        """As `once`, repeated after a lost connection, 408, 429, 500 and 503."""
        for pause in PAUSES:
            try:
                return self.once(method, path, body, first)
            except Refused as refused:
                if refused.problem["status"] not in (408, 429, 500, 503):
                    raise
                time.sleep(max(refused.retry_after, random.uniform(pause / 2, pause)))
            except (OSError, http.client.HTTPException):
                time.sleep(random.uniform(pause / 2, pause))
        return self.once(method, path, body, first)

    def exchange(self, method: str, path: str, record: Document) -> Document:
        _, content = self.ask(method, path, json.dumps(record).encode())
        return json.loads(content) if content else {}


def pair(link: str) -> tuple[Host, Document]:
    """The host of the QR code's URL, and its PairingAnswer. Raises Refused."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
    host = Host(query["host"][0])
    request = {"schema": "mobiledeploy.pairing-request/1", "token": query["token"][0], "device": DEVICE, "app": APP}
    answer = host.exchange("POST", "/v1/pairings", request | {"protocols": [1]})
    host.secret = answer["secret"]
    return host, answer


def fetch(host: Host, digest: str, size: int, place: Path) -> bytes:
    """The blob, kept at `place` / `digest`; what an interrupted transfer has left there is not asked for again.

    Raises ValueError where the host sends other bytes twice.
    """
    whole, partial = place / digest, place / f"{digest}.partial"
    if whole.exists():
        return whole.read_bytes()
    for _ in range(2):  # a file of an earlier start may be to blame: once more from the first byte
        content = partial.read_bytes() if partial.exists() else b""
        if len(content) < size or not size:
            status, rest = host.ask("GET", f"/v1/blobs/{digest}", first=len(content))
            content = content + rest if status == 206 else rest
            partial.write_bytes(content)
        if hashlib.sha256(content).hexdigest() == digest:
            partial.rename(whole)
            return content
        partial.unlink()
    raise ValueError(f"the host sent other bytes than those of {digest}")


def identity(package: Document) -> str:
    lines = "".join(f"{file['sha256']} {file['bytes']} {file['path']}\n" for file in package["files"])
    return hashlib.sha256(lines.encode()).hexdigest()


class Renewal:
    """A context manager: a heartbeat at once and then every `seconds`. `cancelled`: nobody waits for the job any more.

    A heartbeat that is lost or refused stops nothing: a report is taken as long as the job has none.
    """

    def __init__(self, host: Host, lease: str, seconds: float) -> None:
        self._host = host
        self._path = f"/v1/leases/{lease}/heartbeat"
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)
        self.cancelled = False
        self.progress: Document = {"phase": "fetch", "fraction": 0.0}

    def _beat(self) -> None:
        while not self._over.is_set():
            beat = {"schema": "mobiledeploy.heartbeat/1", "progress": self.progress}
            try:
                _, answer = self._host.once("POST", self._path, json.dumps(beat).encode())
                self.cancelled = json.loads(answer)["cancelled"]
            except (Refused, OSError, http.client.HTTPException):
                pass
            self._over.wait(self._seconds)

    def __enter__(self) -> Renewal:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def made_up_unit(compute_units: str, plan: Document, outputs: list[Document]) -> Document:
    """A UnitRun of predictions that never were."""
    rounds, now = [], 1_000_000_000
    for _ in range(plan["rounds"]):
        durations = [random.randint(900_000, 1_100_000) for _ in range(plan["iterations"])]
        starts = []
        for duration in durations:
            starts.append(now)
            now += duration + 1_000
        load = 30_000_000 if plan["reload"] else None
        one = {"starts_ns": starts, "durations_ns": durations, "warm_up_ns": [2_000_000] * plan["warm_up"]}
        rounds.append(one | {"load_ns": load})
    return {
        "compute_units": compute_units,
        "cold_load_ns": [900_000_000] * plan["cold_loads"],
        "cached_load_ns": 30_000_000,
        "first_prediction_ns": 4_000_000,
        "rounds": rounds,
        "outputs": outputs,
    }


def made_up_outputs(host: Host, job: Document) -> list[Document]:
    """Zeros on every sample, sent as a blob before the report names it: a real client sends its model's outputs."""
    if not job["plan"]["outputs"]:
        return []
    content = bytes(4000)
    digest = hashlib.sha256(content).hexdigest()
    host.ask("PUT", f"/v1/blobs/{digest}", content)
    array = {"name": "logits", "dtype": "float32", "shape": [1, 1000], "sha256": digest, "bytes": len(content)}
    return [{"sample": sample["name"], "outputs": [array]} for sample in job["samples"]]


def report_of(host: Host, job: Document) -> Document:
    outputs = made_up_outputs(host, job)
    units = [made_up_unit(name, job["plan"], outputs) for name in job["plan"]["compute_units"]]
    calm = {"thermal": "nominal", "low_power": False, "foreground": True, "debugger": False}
    return {
        "schema": "mobiledeploy.benchmark/1",
        "id": str(uuid.uuid4()),
        "job": job["id"],
        "package": identity(job["package"]),
        "device": DEVICE,
        "app": APP,
        "plan": job["plan"],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "duration_ns": 60_000_000_000,
        "clock": "made up",
        "clock_resolution_ns": 1,
        "overhead_ns": 50,
        "units": units,
        "conditions": [{"at_ns": at} | calm for at in (0, 60_000_000_000)],
        "validity": {"valid": False, "reasons": ["the times are made up"]},
    }


def perform(host: Host, lease: Document, heartbeat_seconds: float, place: Path) -> Document | None:
    """One job from its first blob to its receipt, None where it was cancelled. Raises Refused."""
    job = lease["job"]
    inputs = [tensor for sample in job["samples"] for tensor in sample["inputs"]]
    with Renewal(host, lease["id"], heartbeat_seconds) as renewal:
        for blob in [*job["package"]["files"], *inputs]:
            fetch(host, blob["sha256"], blob["bytes"], place)
        renewal.progress = {"phase": "rounds", "compute_units": job["plan"]["compute_units"][0], "fraction": 0.5}
        report = report_of(host, job)
        if renewal.cancelled:
            release = {"schema": "mobiledeploy.release/1", "reason": "the job was cancelled"}
            host.exchange("POST", f"/v1/leases/{lease['id']}/release", release)
            return None
        return host.exchange("PUT", f"/v1/jobs/{job['id']}/report", report)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("link", help="what the QR code holds: mobiledeploy://pair?host=...&token=...")
    parser.add_argument("--state", type=Path, default=Path("phone-state"), help="where blobs are kept")
    parser.add_argument("--idle", type=int, default=25, help="seconds without a job after which it leaves (0 to 60)")
    given = parser.parse_args()
    given.state.mkdir(parents=True, exist_ok=True)
    host, answer = pair(given.link)
    print(f"paired as {answer['device_id']}", flush=True)
    while True:
        status, content = host.ask("GET", f"/v1/jobs/next?wait={given.idle}")
        if status == 204:
            return
        lease = json.loads(content)
        try:
            receipt = perform(host, lease, answer["heartbeat_seconds"], given.state)
        except Refused as refused:
            if refused.problem["code"] not in ("conflict", "forbidden", "not-found"):
                raise
            print(f"{lease['job']['id']}: {refused}", flush=True)
            continue
        outcome = "cancelled" if receipt is None else f"reported as {receipt['report']}"
        print(f"{lease['job']['package']['name']}: {outcome}", flush=True)


if __name__ == "__main__":
    main()
