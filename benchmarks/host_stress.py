"""Many phones, a host that is killed, a network that cuts: is every job reported exactly once?

    python benchmarks/host_stress.py                        50 phones, 20 jobs each, 12 kills of the host
    python benchmarks/host_stress.py --phones 8 --jobs 4    smaller
    python tests/server/postgresql_server.py python benchmarks/host_stress.py --store {store}    on PostgreSQL

The host is a process of its own that is killed with -9 at random moments and started again. Each phone speaks the
protocol over HTTP; one request in ten is cut, half of them before it is whole and half after it was sent, so that the
answer is lost. Phones die at random moments too: what they had in memory is gone, the secret and a finished report
stay, and some of them are away for longer than a lease lasts. Fails unless the store then holds one report for each
job, each the right one, and no job was acknowledged as new twice.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import http.client
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "server"))

from small_jobs import small_job
from wire_client import DEVICE, Answer, WireClient, report_of

from mobiledeploy.records import Heartbeat, Job, Lease, MeasurementPlan, Progress, Receipt, codec
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.tables import endings, leases, reports

TERMS = Terms(heartbeat_seconds=0.5, lease_seconds=4.0)
CUT = 0.1
DIES = 0.03
AWAY = 0.1
PLAN = MeasurementPlan(compute_units=("cpuOnly", "all"), rounds=2, iterations=5, warm_up=1)


class DeadError(Exception):
    """The phone was killed."""


@dataclasses.dataclass
class Tally:
    """What all phones saw. `firsts`: jobs that a receipt called new."""

    firsts: list[str] = dataclasses.field(default_factory=list)
    seen: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.seen[what] += 1


class CutClient(WireClient):
    """A client whose network cuts one request in ten, and which repeats what had no answer."""

    chance: random.Random
    tally: Tally

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        pause = 0.05
        while True:
            try:
                answer = self._once(method, path, body, headers)
            except (OSError, http.client.HTTPException):
                self.tally.count("requests without an answer")
            else:
                if answer.status not in (408, 429, 500, 503):
                    return answer
                self.tally.count(f"answers of {answer.status}")
            time.sleep(pause * (0.5 + self.chance.random()))
            pause = min(1.0, pause * 2)

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        self.tally.count("requests")
        fate = self.chance.random()
        if fate < CUT:
            self.tally.count("requests cut")
            self._cut(method, path, body or b"", whole=fate < CUT / 2)
            raise ConnectionResetError
        return super().ask(method, path, body, **headers)

    def _cut(self, method: str, path: str, body: bytes, *, whole: bool) -> None:
        """Sends the request, or the first part of it, and hangs up without an answer."""
        secret = f"Authorization: Bearer {self.secret}\r\n" if self.secret else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{secret}Content-Length: {len(body)}\r\n\r\n"
        data = head.encode() + body
        with socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout) as connection:
            connection.sendall(data if whole else data[: self.chance.randrange(len(data))])
            if whole:
                time.sleep(0.02)


def phone(client: CutClient, token: str, done: threading.Event) -> None:
    """One phone's life, and its lives after that."""
    kept: tuple[str, object] | None = None  # what survives a death: a finished report that may not have arrived
    client.pair(token)
    while not done.is_set():
        try:
            kept = life(client, kept)
        except DeadError as death:
            kept = death.args[0]
            client.tally.count("deaths of phones")
            time.sleep(1.5 * TERMS.lease_seconds if client.chance.random() < AWAY else 0.05)


def life(client: CutClient, kept: tuple[str, object] | None) -> tuple[str, object] | None:
    """One job, or nothing. Raises DeadError at any step, with what is on the phone's disk."""

    def step(on_disk: tuple[str, object] | None) -> None:
        if client.chance.random() < DIES:
            raise DeadError(on_disk)

    if kept is not None:
        send(client, *kept)
        return None
    answer = client.ask("GET", "/v1/jobs/next?wait=1")
    if answer.status == 204:
        return None
    lease: Lease = answer.record(Lease)
    for file in lease.job.package.files:
        step(None)
        assert client.ask("GET", f"/v1/blobs/{file.sha256}").status == 200
    for _ in range(client.chance.randrange(3)):
        time.sleep(0.02)
        client.ask(
            "POST", f"/v1/leases/{lease.id}/heartbeat", codec.dumps(Heartbeat(Progress("rounds", "all", 1))).encode()
        )
        step(None)
    report, blobs = report_of(lease.job, client.device, client.app)
    report = dataclasses.replace(report, id=f"{client.id}-{lease.attempt}-{lease.job.id}")
    for content in blobs:
        if client.put_blob(content).status == 403:
            client.tally.count("jobs that another phone had done meanwhile")
            return None
        step(None)
    step((lease.job.id, report))
    send(client, lease.job.id, report)
    return None


def send(client: CutClient, job: str, report: object) -> None:
    answer = client.put_report(job, report)
    if answer.status == 409:
        client.tally.count("reports for jobs that had one")
        return
    assert answer.status in (200, 201), answer
    receipt = answer.record(Receipt)
    client.tally.count("receipts")
    if receipt.first:
        with client.tally.lock:
            client.tally.firsts.append(job)
    else:
        client.tally.count("receipts of reports that were there")


class Kills:
    """When the host is to be killed: so many times, evenly spread over the jobs.

    The jobs beyond the next kill but one are not in the queue yet: no machine is so quick that a kill is left out.
    """

    def __init__(self, queue: JobQueue, made: list[Job], kills: int) -> None:
        self._queue = queue
        bounds = [len(made) * part // (kills + 1) for part in range(kills + 2)]
        self._due, self._parts = bounds[1:-1], [made[a:b] for a, b in itertools.pairwise(bounds)]
        self.made = 0
        self._add(2)

    def _add(self, parts: int) -> None:
        for part in self._parts[:parts]:
            self._queue.add([NewJob(job, "stress", job.id) for job in part])
        del self._parts[:parts]

    def due(self, reported: int) -> bool:
        return self.left > 0 and reported >= self._due[self.made]

    @property
    def left(self) -> int:
        return len(self._due) - self.made

    def kill(self, host: KilledHost) -> None:
        host.kill()
        host.start()
        self.made += 1
        self._add(1)


class KilledHost:
    """The host as a process, killed and started again at the same port."""

    def __init__(self, store: Path | str, blobs: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [sys.executable, __file__, "--be-host", str(store), str(self.port)]
        self._command += [] if blobs is None else ["--blobs", str(blobs)]
        self.start()

    def start(self) -> None:
        # the package of this process, not another one that is installed
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(self._command, env=environment)
        until = time.monotonic() + 300
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def be_host(store: str, port: int, blobs: Path | None) -> None:
    with Host(open_place(store, blobs), HostOptions(port=port, terms=TERMS)) as host:
        while True:
            host.queue.expire()
            time.sleep(0.5)


def stress(
    *, phones: int, jobs: int, kills: int, seed: int, seconds: float, folder: Path, store: str | None = None
) -> dict[str, int]:
    """Runs it; the counts. `store`: a file in `folder` where it is None. Raises AssertionError where anything is lost
    or counted twice."""
    chosen, blobs = store or str(folder / "results.db"), folder / "results.blobs"
    place = open_place(chosen, blobs)
    queue, pairing = JobQueue(place.ledger, TERMS), Pairing(place.ledger, TERMS)
    made = [small_job(f"job-{n}", place.blobs, plan=PLAN) for n in range(phones * jobs)]
    schedule = Kills(queue, made, kills)
    host, tally, done, chance = KilledHost(chosen, blobs), Tally(), threading.Event(), random.Random(seed)
    threads = []
    for number in range(phones):
        client = CutClient(host.port, device=dataclasses.replace(DEVICE, name=f"phone {number}"))
        client.chance, client.tally = random.Random(f"{seed} {number}"), tally
        threads.append(threading.Thread(target=phone, args=(client, pairing.token(), done), daemon=True))
    for thread in threads:
        thread.start()
    started, last = time.monotonic(), -1
    try:
        while time.monotonic() - started < seconds:
            reported = _reported(queue)
            if reported == len(made) and not schedule.left:
                break
            if schedule.due(reported):
                time.sleep(chance.random())
                schedule.kill(host)
            if reported // 50 != last // 50:
                print(f"{time.monotonic() - started:6.1f} s  {reported} of {len(made)} reported", file=sys.stderr)
            last = reported
            time.sleep(0.2)
        done.set()
        for thread in threads:
            thread.join(30)
    finally:
        host.kill()
    tally.seen["kills of the host"] = schedule.made
    _check(place, [job.id for job in made], tally)
    assert schedule.made == kills, "time was over before the last kill of the host"
    place.ledger.close()
    return dict(sorted(tally.seen.items())) | {"seconds": round(time.monotonic() - started)}


def _reported(queue: JobQueue) -> int:
    return sum(state.state == "reported" for state in queue.states("stress"))


def _check(place, jobs: list[str], tally: Tally) -> None:
    with place.ledger.reading() as connection:
        stored = connection.execute(reports.select()).all()
        ended = {row.lease for row in connection.execute(endings.select())}
        given = {row.id for row in connection.execute(leases.select())}
    found = collections.Counter(row.job for row in stored)
    assert sorted(found) == sorted(jobs), f"lost: {sorted(set(jobs) - set(found))}"
    assert set(found.values()) == {1}
    for row in stored:
        assert f'"job": "{row.job}"' in row.document
        assert row.id.endswith(f"-{row.job}")
    twice = [job for job, count in collections.Counter(tally.firsts).items() if count > 1]
    assert twice == [], f"counted twice: {twice}"
    assert given - ended == set(), "a lease outlived its report"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--phones", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=20, help="per phone")
    parser.add_argument("--kills", type=int, default=12, help="of the host")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1800.0, help="at most")
    parser.add_argument("--store", help="a URL, empty; an SQLite file in a temporary folder otherwise")
    parser.add_argument("--blobs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--be-host", nargs=2, metavar=("STORE", "PORT"))
    given = parser.parse_args()
    if given.be_host:
        be_host(given.be_host[0], int(given.be_host[1]), given.blobs)
    folder = Path(tempfile.mkdtemp())
    try:
        counts = stress(
            phones=given.phones,
            jobs=given.jobs,
            kills=given.kills,
            seed=given.seed,
            seconds=given.seconds,
            folder=folder,
            store=given.store,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for what, count in counts.items():
        print(f"{count:8} {what}")
    print(f"{given.phones * given.jobs} jobs, each reported exactly once")


if __name__ == "__main__":
    main()
