"""How fast the store answers, beside the same statements by the driver alone.

    python benchmarks/store_speed.py                            SQLite, 1000 jobs, 100,000 reports
    python tests/server/postgresql_server.py python benchmarks/store_speed.py --store {store}    PostgreSQL

- `states`: how every job of a campaign stands, which a screen asks several times a second;
- `exchange`: a lease taken and its report stored, on the disk, one after another;
- `count`, `latest`, `find`: what `results list` and `results show` ask a large store; ours reads what it finds as
  records, which the driver alone does not;
- `results list`: the whole command, as a process.

Medians of the rounds, in ms. Fails where the quickest round is above its bar: a machine that does other things is not
the store's fault.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "server"))

from measure import conditions
from small_jobs import small_job
from sqlalchemy import insert
from wire_client import APP, DEVICE, report_of

from mobiledeploy.campaign.outcome import count_reports, find_report, stored_reports
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.records import PairingRequest, codec
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, read_report
from mobiledeploy.server.store_url import store_url
from mobiledeploy.server.tables import reports

BARS_MS = {"states": 100.0, "count": 100.0, "latest": 500.0, "find": 500.0, "results list": 10_000.0}
LISTED = 50
TERMS = Terms()


@dataclass(frozen=True)
class Speed:
    """Of one question, in ms: every sample of ours, and of the driver alone where it can be asked the same."""

    name: str
    ours: list[float]
    plain: list[float]


class PlainStore:
    """The driver's own connection to the same database."""

    def __init__(self, store: str) -> None:
        url = store_url(store)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            import sqlite3

            self._connection: Any = sqlite3.connect(url.database or "", isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        else:
            import psycopg

            self._connection = psycopg.connect(
                url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
            )

    def all(self, statement: str, *given: Any) -> list[Any]:
        text = statement if self.is_sqlite else statement.replace("?", "%s")
        done = self._connection.execute(text, given)
        return list(done.fetchall()) if done.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.all("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
        yield
        self.all("COMMIT")

    def close(self) -> None:
        self._connection.close()


def milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def alternating(name: str, rounds: int, ours: Callable[[], Any], plain: Callable[[], Any]) -> Speed:
    """The first of each is not counted: it fills the caches."""
    samples: tuple[list[float], list[float]] = [], []
    for number in range(rounds + 1):
        for which in (0, 1) if number % 2 else (1, 0):
            spent = milliseconds((ours, plain)[which])
            if number:
                samples[which].append(spent)
    print(f"{name}: {statistics.median(samples[0]):.2f} ms", file=sys.stderr)
    return Speed(name, *samples)


STATES = """
SELECT jobs.id, jobs.document, reports.job, cancellations.job, leases.device, leases.attempt, endings.kind
FROM jobs LEFT JOIN reports ON reports.job = jobs.id LEFT JOIN cancellations ON cancellations.job = jobs.id
LEFT JOIN leases ON leases.job = jobs.id LEFT JOIN endings ON endings.lease = leases.id
WHERE jobs.campaign = ? ORDER BY jobs.position
"""


def a_campaign(place: Place, plain: PlainStore, jobs: int, rounds: int) -> list[Speed]:
    """A third of its jobs reported, one running: `states`, and `exchange` on the way there."""
    queue, pairing, reception = (
        JobQueue(place.ledger, TERMS),
        Pairing(place.ledger, TERMS),
        Reception(place.ledger, place.blobs),
    )
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    phone = Device(answer.device_id, DEVICE)
    made = [small_job(f"job-{number}", place.blobs) for number in range(jobs)]
    queue.add([NewJob(job, "campaign", job.id) for job in made])
    exchanges = max(10, jobs // 3)
    spent, by_hand = [], []
    for _ in range(exchanges):
        spent.append(milliseconds(lambda: exchange(queue, reception, phone, place)))
        by_hand.append(milliseconds(lambda: exchange_by_hand(plain, answer.device_id)))
    queue.take(phone)
    found = queue.states("campaign")
    assert [state.state for state in found].count("reported") == exchanges
    print(f"exchange: {statistics.median(spent):.2f} ms", file=sys.stderr)
    states = alternating("states", rounds, lambda: queue.states("campaign"), lambda: plain.all(STATES, "campaign"))
    return [states, Speed("exchange", spent, by_hand)]


def exchange(queue: JobQueue, reception: Reception, phone: Device, place: Place) -> None:
    lease = queue.take(phone)
    assert lease is not None
    report, blobs = report_of(lease.job, outputs={"logits": bytes(16)})
    for content in blobs:
        place.blobs.add(content)
    assert reception.take(phone, lease.job.id, read_report(codec.dumps(report).encode())).first


def exchange_by_hand(plain: PlainStore, device: str) -> None:
    """The same rows in as many transactions, with no question asked and nothing checked."""
    name = secrets.token_hex(16)
    position = "NULL" if plain.is_sqlite else "DEFAULT"
    with plain.transaction():
        plain.all(
            f"INSERT INTO jobs VALUES ({position}, ?, 'by hand', 's', NULL, ?, '{{}}', 'now', NULL)", name, "x" * 1200
        )
        plain.all("INSERT INTO leases VALUES (?, ?, ?, 1, 'now')", name, name, device)
    with plain.transaction():
        row = (name, name, device, "d", "simulated", False, "x" * 3500, "{}", "now")
        plain.all("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
        plain.all("INSERT INTO endings VALUES (?, 'reported', '', ?, 'now')", name, True)


def many_reports(place: Place, plain: PlainStore, count: int, rounds: int) -> list[Speed]:
    names = fill(place, count)
    beginning = names[count // 2][:20]
    latest = "SELECT document FROM reports WHERE standing = 'real' ORDER BY received DESC, job DESC LIMIT ?"
    begins = "SELECT document FROM reports WHERE substr(job, 1, 20) = ? OR substr(id, 1, 20) = ?"
    return [
        alternating(
            "count",
            rounds,
            lambda: count_reports(place.ledger),
            lambda: plain.all("SELECT standing, count(*) FROM reports GROUP BY standing"),
        ),
        alternating(
            "latest",
            rounds,
            lambda: list(stored_reports(place.ledger, "real", latest=LISTED)),
            lambda: plain.all(latest, LISTED),
        ),
        alternating(
            "find",
            rounds,
            lambda: find_report(place.ledger, beginning),
            lambda: plain.all(begins, beginning, beginning),
        ),
    ]


def fill(place: Place, count: int) -> list[str]:
    """Nine of ten real, the last one the latest; their ids."""
    report, _ = report_of(small_job("model", place.blobs), replace(DEVICE, kind="phone"))
    about = codec.dumps(Subject("model", "float16", 60.0))
    names = [secrets.token_hex(16) for _ in range(count)]
    for start in range(0, count, 5000):
        print(f"{start} of {count} reports", end="\r", file=sys.stderr)
        rows = [
            {
                "job": f"job-{name}",
                "id": name,
                "digest": "0" * 64,
                "standing": "simulated" if number % 10 == 0 else "real",
                "imported": True,
                "document": codec.dumps(replace(report, id=name, job=f"job-{name}")),
                "about": about,
                "received": f"2026-11-20T12:00:{number:09}Z",
            }
            for number, name in enumerate(names[start : start + 5000], start)
        ]
        with place.ledger.writing() as connection:
            connection.execute(insert(reports), rows)
    return names


def whole_command(store: str, folder: Path, rounds: int) -> Speed:
    command = [sys.executable, "-m", "mobiledeploy", "results", "list", "--store", store, "--json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}

    def listed() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment)
        document = json.loads(done.stdout)
        assert len(document["results"]) == LISTED
        assert document["older"] > 0

    spent = [milliseconds(listed) for _ in range(rounds + 1)][1:]
    return Speed("results list", spent, [])


def measure(store: str, folder: Path, given: argparse.Namespace) -> list[Speed]:
    place = open_place(store, folder / "blobs")
    with closing(place.ledger), closing(PlainStore(store)) as plain:
        found = a_campaign(place, plain, given.jobs, given.rounds)
        found += many_reports(place, plain, given.reports, given.rounds)
    return [*found, whole_command(store, folder, min(given.rounds, 3))]


def show(found: list[Speed]) -> int:
    """The table; how many are above their bar."""
    print("| | ours | the driver alone | ratio | bar |\n|---|---|---|---|---|")
    above = 0
    for speed in found:
        ours, bar = statistics.median(speed.ours), BARS_MS.get(speed.name)
        plain = statistics.median(speed.plain) if speed.plain else None
        beside = "| |" if plain is None else f"{plain:.2f} ms | {ours / plain:.1f}x |"
        print(f"| {speed.name} | {ours:.2f} ms | {beside} {'' if bar is None else f'{bar:g} ms'} |")
        above += bar is not None and min(speed.ours) > bar
    return above


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="a URL; an SQLite file in a temporary folder otherwise")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="store-speed-"))
    try:
        found = measure(given.store or str(folder / "results.db"), folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json is not None:
        samples = {speed.name: {"ours_ms": speed.ours, "plain_ms": speed.plain} for speed in found}
        given.json.write_text(
            json.dumps({"conditions": conditions(), "bars_ms": BARS_MS, "samples": samples}, indent=2)
        )
    return int(show(found) > 0)


if __name__ == "__main__":
    sys.exit(main())
