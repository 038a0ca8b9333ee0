"""Simulated phones as processes, killed at random, behind a network that cuts, at a host that is killed.

    python benchmarks/phone_stress.py PACKAGE                     50 phones, 20 jobs each, 6 kills of the host
    python benchmarks/phone_stress.py PACKAGE --phones 4 --jobs 3 --kills 1

As benchmarks/host_stress.py, but each phone is `harness-cli simulate`: the app's own code over real HTTP. Between
phones and host stands a proxy that cuts one request in ten, half of them before the host has it and half after. Every
second or so one phone is killed with -9 and started again. Fails unless every job is reported exactly once.
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

from host_stress import TERMS, KilledHost

from mobiledeploy.campaign.prepare import package_content
from mobiledeploy.campaign.simulated import harness_cli
from mobiledeploy.records import BenchmarkReport, Job, JobSample, MeasurementPlan, TensorContent, codec
from mobiledeploy.server.host import Place, open_place
from mobiledeploy.server.pairing import Pairing
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.tables import reports

CUT = 0.1
PLAN = MeasurementPlan(compute_units=("cpuOnly", "all"), rounds=2, iterations=5, warm_up=1)


class CuttingProxy:
    """Forwards connections to a port of this machine, and cuts one request in ten."""

    def __init__(self, target: int, chance: random.Random) -> None:
        self._target = target
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.requests = 0
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            phone, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(phone,), daemon=True).start()

    def _serve(self, phone: socket.socket) -> None:
        try:
            host = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            phone.close()
            return
        host.settimeout(None)
        threading.Thread(target=self._forward, args=(host, phone, False), daemon=True).start()
        self._forward(phone, host, True)

    def _forward(self, source: socket.socket, sink: socket.socket, cuts: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                fate = self._fate() if cuts else 1.0
                if fate >= CUT / 2:
                    sink.sendall(data)
                if fate < CUT:
                    break
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _fate(self) -> float:
        fate = self._chance.random()
        self.requests += 1
        self.cut += fate < CUT
        return fate


class Phones:
    """The processes; each keeps its folder from life to life."""

    def __init__(self, program: Path, port: int, tokens: list[str], folder: Path) -> None:
        self._commands = []
        for number, token in enumerate(tokens):
            state = folder / f"phone-{number}"
            state.mkdir()
            address = f"http://127.0.0.1:{port}"
            command = [str(program), "simulate", "--host", address, "--token", token, "--state", str(state)]
            self._commands.append((command, state / "log.txt"))
        self._processes = [self._start(number) for number in range(len(tokens))]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command, log = self._commands[number]
        with log.open("ab") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def kill(self, number: int) -> None:
        """Kills one with -9 and starts it again."""
        self._processes[number].kill()
        self._processes[number].wait()
        self._processes[number] = self._start(number)

    def ended(self) -> list[int]:
        """Which of them have ended by themselves."""
        return [number for number, process in enumerate(self._processes) if process.poll() is not None]

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def enqueue(place: Place, queue: JobQueue, package: Path, count: int) -> list[str]:
    content = package_content(package, place.blobs)
    pixels = bytes(64 * 64 * 3)
    image = TensorContent("image", "uint8", (64, 64, 3), place.blobs.add(pixels), len(pixels), kind="image")
    made = [Job(f"job-{n}", content, (JobSample("black", (image,)),), PLAN) for n in range(count)]
    queue.add([NewJob(job, "stress", job.id) for job in made])
    return [job.id for job in made]


def stress(package: Path, *, phones: int, jobs: int, kills: int, seed: int, seconds: float, folder: Path) -> None:
    """Raises AssertionError where a job is lost or stored twice."""
    place = open_place(str(folder / "results.db"))
    queue, pairing = JobQueue(place.ledger, TERMS), Pairing(place.ledger, TERMS)
    made = enqueue(place, queue, package, phones * jobs)
    host, chance = KilledHost(folder / "results.db"), random.Random(seed)
    proxy = CuttingProxy(host.port, random.Random(seed + 1))
    running = Phones(harness_cli(), proxy.port, [pairing.token() for _ in range(phones)], folder)
    started, killed, deaths, shown = time.monotonic(), 0, 0, -1
    try:
        while (reported := _reported(queue)) < len(made):
            assert time.monotonic() - started < seconds, f"{reported} of {len(made)} reported in {seconds} s"
            assert running.ended() == [], f"phones ended by themselves: {running.ended()}; logs are in {folder}"
            if reported * (kills + 1) // len(made) > killed:
                host.kill()
                host.start()
                killed += 1
            running.kill(chance.randrange(phones))
            deaths += 1
            if reported // 50 != shown // 50:
                print(f"{time.monotonic() - started:6.1f} s  {reported} of {len(made)} reported", file=sys.stderr)
            shown = reported
            time.sleep(2 * chance.random())
    finally:
        running.stop()
        host.kill()
    _check(place, made)
    place.ledger.close()
    print(f"{proxy.requests} requests, {proxy.cut} cut; {deaths} phones and {killed} hosts killed")
    print(f"{len(made)} jobs, each reported exactly once, in {time.monotonic() - started:.0f} s")


def _reported(queue: JobQueue) -> int:
    return sum(state.state == "reported" for state in queue.states("stress"))


def _check(place: Place, jobs: list[str]) -> None:
    with place.ledger.reading() as connection:
        stored = [
            codec.loads(BenchmarkReport, row.document, where=row.job) for row in connection.execute(reports.select())
        ]
    found = collections.Counter(report.job for report in stored)
    assert sorted(found) == sorted(jobs), f"lost: {sorted(set(jobs) - set(found))}"
    assert set(found.values()) == {1}
    died = [report for report in stored if report.failure is not None]
    assert all(report.failure is not None and report.failure.died for report in died), died[0].failure
    whole = [report for report in stored if report.failure is None]
    assert all(len(unit.rounds) == PLAN.rounds and unit.failure is None for report in whole for unit in report.units)
    print(f"{len(whole)} measured whole, {len(died)} died with their phone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path, help="an .mlpackage with one input named image, of 64x64 pixels")
    parser.add_argument("--phones", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=20, help="per phone")
    parser.add_argument("--kills", type=int, default=6, help="of the host")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1800.0, help="at most")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    stress(
        given.package,
        phones=given.phones,
        jobs=given.jobs,
        kills=given.kills,
        seed=given.seed,
        seconds=given.seconds,
        folder=folder,
    )
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
