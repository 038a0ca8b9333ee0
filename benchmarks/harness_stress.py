"""The same with the real client: `harness-cli` processes, killed with -9, behind a proxy that cuts connections.

    python benchmarks/harness_stress.py                       50 phones, 20 jobs each
    python benchmarks/harness_stress.py --phones 3 --jobs 3   smaller

Every job measures a small model, shortly (or that of an exported folder, --model). The phones keep their state
in folders, are killed at random and started again with them; the host is killed with -9 and started again; of the
requests through the proxy one in ten is cut, half of them before they have arrived, half before their answer has.
Fails unless every job is reported exactly once.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from host_stress import CUT, TERMS, KilledHost, Kills

from mobiledeploy import pipeline
from mobiledeploy.campaign.harness_program import harness_cli
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.records import ExportOptions, Job, MeasurementPlan
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Pairing
from mobiledeploy.server.queue import JobQueue
from mobiledeploy.server.tables import endings, leases, reports

PLAN = MeasurementPlan(compute_units=("cpuOnly", "all"), rounds=2, iterations=20, warm_up=1)
NETWORK = Path(__file__).resolve().parents[1] / "tests" / "server" / "tiny_network.py"
AWAY = 0.25
METHODS = (b"GET ", b"PUT ", b"POST ")


def hang_up(*ends: socket.socket) -> None:
    """Closes connections that another thread may be reading: without the shutdown they would stay open until it has."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class CuttingProxy:
    """Passes bytes to the host at `port`. Each request that it sees is cut with a probability of one in ten."""

    def __init__(self, port: int, seed: int) -> None:
        self._target = port
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.counts: collections.Counter[str] = collections.Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            phone, _ = self._listener.accept()
            threading.Thread(target=self._join, args=(phone,), daemon=True).start()

    def _join(self, phone: socket.socket) -> None:
        """One connection: requests are read in this thread, answers in another."""
        try:
            host = socket.create_connection(("127.0.0.1", self._target), timeout=70)
        except OSError:
            phone.close()
            return
        mute = threading.Event()
        threading.Thread(target=self._answers, args=(host, phone, mute), daemon=True).start()
        try:
            while data := phone.recv(65536):
                if data.startswith(METHODS):
                    self.counts["requests"] += 1
                    fate = self._chance.random()
                    if fate < CUT:
                        self.counts["requests cut"] += 1
                        if fate < CUT / 2:
                            break
                        mute.set()
                host.sendall(data)
                if mute.is_set():
                    time.sleep(0.05)
                    break
        except OSError:
            pass
        hang_up(phone, host)

    def _answers(self, host: socket.socket, phone: socket.socket, mute: threading.Event) -> None:
        try:
            while data := host.recv(65536):
                if mute.is_set():
                    break
                phone.sendall(data)
        except OSError:
            pass
        hang_up(phone, host)


class Phones:
    """So many processes, each with a folder of its own."""

    def __init__(self, program: Path, address: str, tokens: list[str], folder: Path) -> None:
        common = [str(program), "simulate", "--host", address]
        self._commands = [
            [*common, "--token", token, "--state", str(folder / f"phone-{number}"), "--name", f"phone {number}"]
            for number, token in enumerate(tokens)
        ]
        self._folder = folder
        self._processes = [self._start(command) for command in self._commands]
        self._back = [0.0] * len(self._processes)  # when each is to be started again, where it has ended

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "phones.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill_some(self, chance: random.Random) -> int:
        """Kills one in ten; how many. One in four of them comes back after its lease was lost, the others at once."""
        alive = [index for index, process in enumerate(self._processes) if process.poll() is None]
        chosen = chance.sample(alive, min(len(alive), max(1, len(self._processes) // 10)))
        for index in chosen:
            self._processes[index].kill()
            self._processes[index].wait()
            self._back[index] = time.monotonic() + (4 * TERMS.lease_seconds if chance.random() < AWAY else 0)
        return len(chosen)

    def revive(self) -> None:
        """Starts what has ended again, where its time has come."""
        for index, process in enumerate(self._processes):
            if process.poll() is not None and time.monotonic() >= self._back[index]:
                self._processes[index] = self._start(self._commands[index])

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def exported(folder: Path) -> Path:
    """A small model, as `mobiledeploy export` makes it."""
    options = ExportOptions(weights="auto")
    return pipeline.export(f"{NETWORK}:Tiny", output=folder, options=options, name="tiny").folder


def stress(given: argparse.Namespace, folder: Path) -> dict[str, int]:
    place, chance = open_place(str(folder / "results.db")), random.Random(given.seed)
    queue, pairing = JobQueue(place.ledger, TERMS), Pairing(place.ledger, TERMS)
    (model,) = prepare(given.model or exported(folder), place.blobs)
    names = [f"job-{number}" for number in range(given.phones * given.jobs)]
    made = [Job(name, model.package, model.samples, PLAN, model.function) for name in names]
    schedule = Kills(queue, made, given.kills)
    tokens = [pairing.token() for _ in range(given.phones)]
    host = KilledHost(folder / "results.db")
    proxy = CuttingProxy(host.port, given.seed)
    phones = Phones(harness_cli(print), f"http://127.0.0.1:{proxy.port}", tokens, folder)
    counts: collections.Counter[str] = collections.Counter()
    started, told = time.monotonic(), -1
    try:
        while time.monotonic() - started < given.seconds:
            reported = sum(state.state == "reported" for state in queue.states("stress"))
            if reported == len(made) and not schedule.left:
                break
            if reported // 20 != told:
                told = reported // 20
                print(f"{time.monotonic() - started:6.1f} s  {reported} of {len(made)} reported", file=sys.stderr)
            if schedule.due(reported):
                schedule.kill(host)
            counts["kills of phones"] += phones.kill_some(chance)
            phones.revive()
            time.sleep(given.pause)
    finally:
        phones.end()
        host.kill()
        if given.log:
            shutil.copy(folder / "phones.log", given.log)
    check(place, names)
    place.ledger.close()
    seconds = {"kills of the host": schedule.made, "seconds": round(time.monotonic() - started)}
    return dict(counts) | dict(proxy.counts) | seconds


def check(place: Place, names: list[str]) -> None:
    with place.ledger.reading() as connection:
        found = collections.Counter(row.job for row in connection.execute(reports.select()))
        ended = {row.lease for row in connection.execute(endings.select())}
        given = {row.id: row.job for row in connection.execute(leases.select())}
    assert sorted(found) == sorted(names), f"lost: {sorted(set(names) - set(found))}"
    assert set(found.values()) == {1}
    assert set(given) <= ended, "a lease outlived its report"
    attempts = collections.Counter(collections.Counter(given.values()).values())
    print(f"attempts per job: {dict(sorted(attempts.items()))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, metavar="FOLDER")
    parser.add_argument("--phones", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=20, help="per phone")
    parser.add_argument("--kills", type=int, default=6, help="of the host")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between kills of phones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0, help="at most")
    parser.add_argument("--log", type=Path, help="where what the phones print is kept")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        counts = stress(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    print(f"{given.phones * given.jobs} jobs, each reported exactly once")


if __name__ == "__main__":
    main()
