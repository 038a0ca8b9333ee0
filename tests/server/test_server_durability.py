"""What a store keeps when its writer is killed, its file is held, full, damaged, only to be read, or moved."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from small_jobs import small_job
from sqlalchemy import insert, select
from stores import EVERY_STORE
from wire_client import APP, DEVICE, report_of

from mobiledeploy.errors import HostError
from mobiledeploy.records import PairingRequest, codec
from mobiledeploy.server import sqlite
from mobiledeploy.server.host import open_place
from mobiledeploy.server.ledger import Ledger, open_ledger
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.reception import Reception, read_report
from mobiledeploy.server.tables import tokens

STORES = EVERY_STORE
ROUNDS = {"sqlite": 15, "postgresql": 5}  # a longer run: python tests/server/killed_writer.py STORE 1000 0


def add(ledger: Ledger, digest: str) -> None:
    with ledger.writing() as connection:
        connection.execute(insert(tokens).values(digest=digest, expires=1.5))


def digests(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return list(connection.execute(select(tokens.c.digest).order_by(tokens.c.digest)).scalars())


def test_a_writer_that_is_killed_loses_nothing_that_was_committed(store: str) -> None:
    rounds = ROUNDS["postgresql" if "://" in store else "sqlite"]
    program = Path(__file__).with_name("killed_writer.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(program), store, str(rounds), "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(rf"(\d+) transactions in {rounds} rounds\n", done.stdout)
    assert found is not None
    assert int(found[1]) >= rounds


def test_a_file_is_written_ahead_and_to_the_disk(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "results.db"))
    with ledger.reading() as connection:
        for name, value in (("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 30000), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value
    ledger.close()
    assert [path.name for path in tmp_path.iterdir()] == ["results.db"]


def test_a_file_that_another_program_holds_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    ledger = open_ledger(str(path))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    later.start()
    add(ledger, "waited")
    later.join()
    other.close()
    assert digests(ledger) == ["waited"]
    ledger.close()


def test_a_new_file_that_another_program_is_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait where it is to write ahead for the first time."""
    path = tmp_path / "results.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    later.start()
    ledger = open_ledger(str(path))
    later.join()
    other.close()
    add(ledger, "made")
    ledger.close()


def test_a_file_that_is_held_for_too_long_is_named_and_can_still_be_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    path = tmp_path / "results.db"
    ledger = open_ledger(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HostError, match="database is locked") as held:
        add(ledger, "x")
    assert held.value.remedy == "Another program holds the file: let it end, or stop it. Nothing was lost."
    assert digests(ledger) == []
    other.close()
    add(ledger, "x")
    ledger.close()


def test_a_full_disk_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """Played by the largest number of pages that the file may have: SQLite's error is the same."""
    ledger = open_ledger(str(tmp_path / "results.db"))
    with ledger.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")
    stored: list[str] = []

    def fill() -> None:
        for number in range(100):
            add(ledger, f"{number:03}" + "x" * 1000)
            stored.append(f"{number:03}" + "x" * 1000)

    with pytest.raises(HostError, match="database or disk is full") as full:
        fill()
    assert full.value.remedy == "Make room on the disk; what was stored before is whole."
    ledger.close()
    again = open_ledger(str(tmp_path / "results.db"))
    assert 0 < len(stored) < 20
    assert digests(again) == stored
    add(again, "there is room again")
    again.close()


def test_a_damaged_file_is_named_with_what_can_be_rescued(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    ledger = open_ledger(str(path))
    for number in range(50):
        add(ledger, f"{number}" + "x" * 1000)
    ledger.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(HostError, match="malformed") as damaged:
        digests(open_ledger(str(path)))
    assert "`sqlite3 FILE .recover`" in damaged.value.remedy


def test_a_file_that_is_only_to_be_read_says_how(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    ledger = open_ledger(str(path))
    add(ledger, "there")
    ledger.close()
    reader = open_ledger(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert digests(reader) == ["there"]
    with pytest.raises(HostError, match="readonly") as denied:
        add(reader, "x")
    assert "the right to write the file" in denied.value.remedy
    reader.close()
    frozen = open_place(f"sqlite:///file:{path}?immutable=1&uri=true")
    assert digests(frozen.ledger) == ["there"]
    assert frozen.blobs.folder == tmp_path / "results.blobs"
    frozen.ledger.close()


def test_a_store_goes_on_where_it_was_moved_with_its_blobs(tmp_path: Path) -> None:
    """Its devices, its leases, its jobs and their files."""
    before, after = tmp_path / "before", tmp_path / "elsewhere" / "after"
    place = open_place(str(before / "results.db"))
    pairing, queue = Pairing(place.ledger, Terms()), JobQueue(place.ledger, Terms())
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    jobs = [small_job(f"job-{number}", place.blobs) for number in range(2)]
    queue.add([NewJob(job, "c", job.id) for job in jobs])
    phone = Device(answer.device_id, DEVICE)
    lease = queue.take(phone)
    place.ledger.close()
    after.parent.mkdir()
    before.rename(after)
    moved = open_place(str(after / "results.db"))
    assert Pairing(moved.ledger, Terms()).device(answer.secret) == phone
    later = JobQueue(moved.ledger, Terms())
    assert later.take(phone) == lease
    assert all(moved.blobs.find(file.sha256) for job in jobs for file in job.package.files)
    report, blobs = report_of(lease.job)
    for content in blobs:
        moved.blobs.add(content)
    assert Reception(moved.ledger, moved.blobs).take(phone, "job-0", read_report(codec.dumps(report).encode())).first
    assert later.take(phone).job.id == "job-1"
    moved.ledger.close()


def test_what_a_killed_host_left_in_the_log_is_read(tmp_path: Path) -> None:
    """The rows of results.db-wal, which nobody has put into the file: they move with it."""
    before, after = tmp_path / "before", tmp_path / "after"
    ledger = open_ledger(str(before / "results.db"))
    add(ledger, "only in the log")
    after.mkdir()
    for path in before.iterdir():
        (after / path.name).write_bytes(path.read_bytes())
    ledger.close()
    assert (after / "results.db-wal").stat().st_size > 0
    again = open_ledger(str(after / "results.db"))
    assert digests(again) == ["only in the log"]
    again.close()
