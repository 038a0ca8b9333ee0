"""The store itself: rows that stay as they are, versions, and databases that are something else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from small_jobs import small_job
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool
from stores import EVERY_STORE
from wire_client import APP, DEVICE

from mobiledeploy.errors import HostError, InputError, PackageError
from mobiledeploy.records import PairingRequest, Progress, Release
from mobiledeploy.server.host import open_place
from mobiledeploy.server.ledger import check_place, open_ledger
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.store_url import shown_store, store_url
from mobiledeploy.server.tables import METADATA

STORES = EVERY_STORE
TABLES = sorted(METADATA.tables)


def by_hand(store: str, *statements: str) -> None:
    """As somebody with a database's own shell would."""
    engine = create_engine(store_url(store), poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def filled(store: str, tmp_path: Path) -> str:
    """A store with rows in every table but that of reports, which has one by hand."""
    place = open_place(store, tmp_path / "blobs")
    pairing = Pairing(place.ledger, Terms())
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    queue = JobQueue(place.ledger, Terms())
    queue.add([NewJob(small_job(f"job-{number}", place.blobs), "c", f"s{number}") for number in range(2)])
    phone = Device(answer.device_id, DEVICE)
    lease = queue.take(phone)
    queue.renew(phone, lease.id, Progress("fetch"))
    queue.release(phone, lease.id, Release("no"))
    queue.cancel("c", "enough")
    place.ledger.close()
    by_hand(store, "INSERT INTO reports VALUES ('j', 'r', NULL, 'd', 'real', '0', '{}', '{}', 'now')")
    return store


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_changed_removed_or_replaced(filled: str, table: str) -> None:
    """By the database itself, whoever asks."""
    first = METADATA.tables[table].columns[0].name
    statements = [f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"]
    if "://" in filled:
        statements += [f"TRUNCATE {table} CASCADE"]
        statements += [f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({first}) DO UPDATE SET {first} = NULL"]
        statements += [f"SET session_replication_role = replica; DELETE FROM {table}"]
    else:
        statements += [f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"]
        statements += [f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"]
    for statement in statements:
        with pytest.raises(IntegrityError, match=r"\w+ is append-only"):
            by_hand(filled, statement)


def test_a_row_is_not_replaced_by_its_number_or_a_second_key(tmp_path: Path) -> None:
    """SQLite numbers the rows of a table, and replaces a row for any unique key that is taken."""
    store = str(tmp_path / "results.db")
    open_ledger(store).close()
    row = "'{}', '{}', NULL, 'd', 'real', 0, '{{}}', '{{}}', 'now'"
    by_hand(store, f"INSERT INTO reports VALUES ({row.format('j', 'r')})")
    columns = "rowid, job, id, device, digest, standing, imported, document, about, received"
    for statement in (
        f"INSERT OR REPLACE INTO reports ({columns}) VALUES (1, {row.format('other', 'another')})",
        f"INSERT OR REPLACE INTO reports VALUES ({row.format('other', 'r')})",
    ):
        with pytest.raises(IntegrityError, match="reports is append-only"):
            by_hand(store, statement)
    by_hand(store, f"INSERT OR REPLACE INTO reports VALUES ({row.format('other', 'another')})")


def test_a_store_of_a_newer_version_is_refused(store: str) -> None:
    open_ledger(store).close()
    by_hand(store, "INSERT INTO formats VALUES (7)")
    with pytest.raises(PackageError, match="the store has version 7; this mobiledeploy knows 2") as refused:
        open_ledger(store)
    assert refused.value.remedy == "Update mobiledeploy."


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE customers (id INTEGER)", "this database is no store of ours: it has customers"),
        ("CREATE TABLE jobs (id INTEGER)", "this database is no store of ours: it has jobs"),
        ("CREATE TABLE formats (name TEXT)", "this database is no store of ours: it has formats"),
    ],
)
def test_a_database_of_something_else_is_left_alone(store: str, statement: str, message: str) -> None:
    by_hand(store, statement)
    with pytest.raises(PackageError) as refused:
        open_ledger(store)
    assert (refused.value.what, refused.value.exit_code) == (message, 2)
    assert "empty database or schema" in refused.value.remedy
    with pytest.raises(PackageError, match="it has"):
        open_ledger(store)


def test_tables_with_our_names_and_without_a_version_are_no_store(store: str) -> None:
    by_hand(store, *(f"CREATE TABLE {table} (id INTEGER)" for table in TABLES))
    with pytest.raises(PackageError, match="this database is no store of ours: it has no version"):
        open_ledger(store)


def _at_version_1(path: Path) -> None:
    """As mobiledeploy 0.1 made it: without the column and the triggers that came later."""
    open_ledger(str(path)).close()
    with sqlite3.connect(path) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            if name.endswith("_no_replace") or name.startswith("formats_"):
                store.execute(f"DROP TRIGGER {name}")
        store.execute("DROP TABLE renewals")
        store.execute("DROP INDEX reports_latest")
        store.execute("ALTER TABLE jobs DROP COLUMN files")
        store.execute("UPDATE formats SET version = 1")
    store.close()


def test_an_older_store_is_brought_up_to_date_with_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    _at_version_1(path)
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO jobs VALUES (1, 'j', 'c', 's', NULL, '{}', '{}', 'now')")
    old.close()
    for _ in range(2):
        open_ledger(str(path)).close()
    with sqlite3.connect(path) as store:
        assert store.execute("SELECT version FROM formats ORDER BY 1").fetchall() == [(1,), (2,)]
        assert store.execute("SELECT id, files FROM jobs").fetchall() == [("j", None)]
        triggers = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        schema = set(store.execute("SELECT type, name, tbl_name FROM sqlite_master"))
    store.close()
    open_ledger(str(tmp_path / "new.db")).close()
    with sqlite3.connect(tmp_path / "new.db") as new:
        assert set(new.execute("SELECT type, name, tbl_name FROM sqlite_master")) == schema
    new.close()
    actions = ("no_update", "no_delete", "no_replace")
    assert triggers == {f"{table}_{action}" for table in TABLES for action in actions}


@pytest.mark.parametrize(
    ("place", "error", "message"),
    [
        ("delphi://x", InputError, "cannot open the store: Can't load plugin"),
        ("mssql+nothing://x", InputError, "cannot open the store: Can't load plugin"),
        ("mysql://me:secret@h/d", InputError, "mysql cannot be one, only sqlite and postgresql"),
        ("postgresql://me:secret@h:port/d", InputError, "cannot open the store: this is no URL of a database"),
        ("://me:secret@", InputError, "cannot open the store: this is no URL of a database"),
        ("sqlite:///{folder}/file/results.db", HostError, "cannot use the store: File exists"),
        ("{folder}/file", HostError, "cannot use the store: file is not a database"),
        ("{folder}", HostError, "cannot use the store: unable to open database file"),
    ],
)
def test_a_store_that_cannot_be_used_is_named(tmp_path: Path, place: str, error: type, message: str) -> None:
    (tmp_path / "file").write_text("no database, but long enough to have a header that can be read as none\n" * 20)
    with pytest.raises(error) as refused:
        open_ledger(place.format(folder=tmp_path))
    assert message in refused.value.what
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("exports/results.db", "exports/results.db"),
        ("sqlite:///results.db", "sqlite:///results.db"),
        ("postgresql://me:se%40cret@db/bench", "postgresql://me:***@db/bench"),
        ("postgresql://db/bench?password=secret&user=me", "postgresql://db/bench?password=***&user=me"),
        ("postgres://me@db/bench", "postgres://me@db/bench"),
    ],
)
def test_people_are_never_told_a_password(place: str, shown: str) -> None:
    assert shown_store(place).replace("%2A", "*") == shown


@pytest.mark.parametrize("name", ["postgresql", "postgres"])
def test_a_url_without_a_driver_has_ours(name: str) -> None:
    assert check_place(f"{name}://db/bench").url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize("driver", ["postgresql+pg8000", "postgresql+asyncpg", "sqlite+aiosqlite"])
def test_a_driver_that_is_not_ours_is_refused_before_it_is_imported(driver: str) -> None:
    with pytest.raises(InputError) as refused:
        check_place(f"{driver}:///bench")
    assert refused.value.what == f"cannot open the store by {driver}"
    assert "Name no driver" in refused.value.remedy


def test_without_a_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(InputError) as refused:
        check_place("postgresql+psycopg://me:secret@db/bench")
    assert refused.value.remedy == "Install the driver: pip install 'mobiledeploy[postgresql]'."
    assert "secret" not in str(refused.value)


def test_a_store_that_is_not_there_is_not_made_where_none_is_wanted(store: str, tmp_path: Path) -> None:
    for place in (store, f"sqlite:///{tmp_path / 'absent' / 'results.db'}"):
        for _ in range(2):
            with pytest.raises(InputError, match="no store is there: ") as refused:
                open_ledger(place, make=False)
            assert refused.value.remedy == "`mobiledeploy bench` makes one."
    assert list(tmp_path.iterdir()) == []
    open_ledger(store).close()
    open_ledger(store, make=False).close()


def test_what_is_written_is_seen_whole_or_not_at_all(store: str) -> None:
    ledger = open_ledger(store)

    def failing(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO tokens VALUES ('half', 1.5)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), ledger.writing() as connection:
        failing(connection)
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar() == 0
    ledger.close()
