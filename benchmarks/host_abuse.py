"""What a host on a network must bear: is everything refused, the memory flat, the store unchanged?

    python benchmarks/host_abuse.py

A host in a process of its own is sent ten thousand random requests, bodies of a gigabyte (declared, and in chunks
without a length), a hundred senders that trickle, and a report of 64 MiB of empty lists. Prints statuses, time and the
host's resident memory before and after each; fails where it grows by more than its bound, where a status is not that of
a refusal, or where the store or the blobs have changed. A paired device's secret is used for all that needs one.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "server"))

from random_requests import random_request
from small_jobs import small_job
from wire_client import WireClient, raw

from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob

MIB = 1 << 20
FLAT = 24 * MIB
REFUSED = {204, 400, 401, 403, 404, 405, 408, 410, 413, 429}


def be_host(store: str, port: int) -> None:
    with Host(open_place(store), HostOptions(port=port)):
        while True:
            time.sleep(1)


def content(folder: Path) -> dict[str, str]:
    """Hashes of all blobs, and every row of the store."""
    found = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    place = open_place(str(folder / "results.db"))
    with place.ledger.reading() as connection:
        for table in ("tokens", "devices", "jobs", "leases", "endings", "cancellations", "reports"):
            found[table] = repr(connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall())
    place.ledger.close()
    return {name: value for name, value in found.items() if "results.db" not in Path(name).name}


def head(method: str, path: str, secret: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {secret}", *more, "", ""]
    return "\r\n".join(lines).encode()


def status(answer: bytes) -> int:
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def randoms(port: int, secret: str, count: int) -> list[int]:
    generator = random.Random(11)
    return [status(raw(port, random_request(generator, secret))) for _ in range(count)]


def declared_gigabyte(port: int, secret: str) -> list[int]:
    paths = ("/v1/blobs/" + "0" * 64, "/v1/jobs/job-0/report", "/v1/leases/x/heartbeat")
    return [
        status(raw(port, head("POST" if "lease" in path else "PUT", path, secret, f"Content-Length: {1 << 30}")))
        for path in paths
    ]


def endless(port: int, secret: str) -> list[int]:
    """A gigabyte in chunks, as long as the host takes it."""
    piece = b"100000\r\n" + bytes(MIB) + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head("PUT", "/v1/blobs/" + "0" * 64, secret, "Transfer-Encoding: chunked"))
        try:
            for _ in range(1024):
                connection.sendall(piece)
            return [status(connection.recv(65536))]
        except ConnectionError:
            return [status(connection.recv(65536))]


def trickles(port: int, secret: str) -> list[int]:
    """A hundred at once, that send a byte and then nothing."""
    open_ones = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(100)]
    for connection in open_ones:
        connection.sendall(head("PUT", "/v1/blobs/" + "0" * 64, secret, "Content-Length: 1000") + b"x")
    found = [status(connection.recv(65536)) for connection in open_ones]
    for connection in open_ones:
        connection.close()
    return found


def many_lists(port: int, secret: str) -> list[int]:
    """A report within the limit of bytes, of as many elements as fit."""
    body = b"[" + b"[]," * (64 * MIB // 3 - 1) + b"[]]"
    data = head("PUT", "/v1/jobs/job-0/report", secret, f"Content-Length: {len(body)}", "Connection: close") + body
    return [status(raw(port, data, seconds=60))]


def deep_lists(port: int, secret: str) -> list[int]:
    """Just below the limit of elements, all inside of each other."""
    body = b"[" * 3_900_000
    data = head("PUT", "/v1/jobs/job-0/report", secret, f"Content-Length: {len(body)}", "Connection: close") + body
    return [status(raw(port, data, seconds=60))]


def measure(name: str, process: psutil.Process, bound: int, send: Callable[[], list[int]]) -> bool:
    before, started = process.memory_info().rss, time.monotonic()
    counts = collections.Counter(send())
    grown = process.memory_info().rss - before
    good = grown <= bound and set(counts) <= REFUSED
    told = ", ".join(f"{count} x {code or 'cut'}" for code, count in sorted(counts.items()))
    seconds = time.monotonic() - started
    print(
        f"{name:24} {seconds:6.1f} s  {before / MIB:5.0f} MiB {grown / MIB:+5.0f}  {told}{'' if good else '  FAILED'}"
    )
    return good


def abuse(count: int, folder: Path) -> bool:
    place = open_place(str(folder / "results.db"))
    queue, token = JobQueue(place.ledger, Terms()), Pairing(place.ledger, Terms()).token()
    queue.add([NewJob(small_job("job-0", place.blobs), "c", "s")])
    place.ledger.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, __file__, "--be-host", str(folder / "results.db"), str(port)]
    host = subprocess.Popen(command, env=environment)
    try:
        phone = WireClient(port)
        for _ in range(200):
            try:
                phone.pair(token)
                break
            except OSError:
                time.sleep(0.1)
        phone.next()
        secret, process, before = phone.secret or "", psutil.Process(host.pid), content(folder)
        randoms(port, secret, 200)  # what is loaded and cached once is no growth
        good = [
            measure(f"{count} random requests", process, FLAT, lambda: randoms(port, secret, count)),
            measure("1 GiB, declared", process, FLAT, lambda: declared_gigabyte(port, secret)),
            measure("1 GiB, without end", process, FLAT, lambda: endless(port, secret)),
            measure("100 slow senders", process, FLAT, lambda: trickles(port, secret)),
            # the body itself is held while it is looked at, and the system may take its time to get it back
            measure("64 MiB of lists", process, 160 * MIB, lambda: many_lists(port, secret)),
            measure("lists inside of lists", process, 160 * MIB, lambda: deep_lists(port, secret)),
        ]
        unchanged = content(folder) == before
        print(f"store and blobs {'unchanged' if unchanged else 'CHANGED'}")
        return all(good) and unchanged
    finally:
        host.kill()
        host.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--be-host", nargs=2, metavar=("STORE", "PORT"))
    given = parser.parse_args()
    if given.be_host:
        be_host(given.be_host[0], int(given.be_host[1]))
    folder = Path(tempfile.mkdtemp())
    try:
        return 0 if abuse(given.requests, folder) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
