"""PostgreSQL as a store: what a server, its administrator and the network can do to it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator

import pytest
from postgresql_server import PostgresqlServer
from sqlalchemy import insert, select

from mobiledeploy.errors import HostError, InputError, PackageError
from mobiledeploy.server import postgresql as postgresql_store
from mobiledeploy.server.databases import DATABASES
from mobiledeploy.server.ledger import Ledger, open_ledger
from mobiledeploy.server.tables import endings, reports, tokens


@pytest.fixture
def place(postgresql: PostgresqlServer) -> str:
    return postgresql.new_store()


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    opened = open_ledger(place)
    yield opened
    opened.close()


@pytest.fixture
def user(postgresql: PostgresqlServer) -> str:
    """One without any rights."""
    name = f"user_{secrets.token_hex(4)}"
    postgresql.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'right'")
    return name


def schema(place: str) -> str:
    return place.rpartition("%3D")[2]


def add(ledger: Ledger, digest: str) -> None:
    with ledger.writing() as connection:
        connection.execute(insert(tokens).values(digest=digest, expires=1.5))


def refused(place: str, error: type[InputError | HostError] = HostError) -> InputError | HostError:
    with pytest.raises(error) as found:
        open_ledger(place)
    assert "\n" not in found.value.what
    return found.value


def test_a_url_as_people_write_it_opens_the_store(postgresql) -> None:
    """Over TCP, with a password that a URL must quote, and no driver named."""
    database = f"base_{secrets.token_hex(4)}"
    postgresql.execute(f"CREATE DATABASE {database}")
    for url in ("postgresql", "postgres"):
        ledger = open_ledger(postgresql.over_tcp(database).replace("postgresql+psycopg", url))
        assert ledger.shown == f"{url}://postgres:***@127.0.0.1:{postgresql.port}/{database}"
        ledger.close()


def test_what_is_stored_is_there_again(place, ledger) -> None:
    add(ledger, "kept")
    text = "ein Gerät, 测试, 🙂, '; DROP TABLE tokens; --"
    row = {
        "job": "j",
        "id": "r",
        "digest": "d",
        "standing": "real",
        "imported": False,
        "about": "{}",
        "received": "now",
    }
    with ledger.writing() as connection:
        connection.execute(insert(reports).values(**row, document=text * 100_000))
    again = open_ledger(place)
    with again.reading() as connection:
        assert connection.execute(select(tokens)).all() == [("kept", 1.5)]
        assert connection.execute(select(reports.c.document)).scalar() == text * 100_000
    again.close()


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        ({"password": "wrong:secret"}, "password authentication failed for user", "PGPASSWORD"),
        ({"database": "absent"}, 'database "absent" does not exist', "createdb"),
        ({"user": "nobody_here"}, 'password authentication failed for user "nobody_here"', "PGPASSWORD"),
    ],
)
def test_who_is_not_let_in_is_told_why_without_the_password(postgresql, change, message, remedy) -> None:
    error = refused(postgresql.over_tcp(**change))
    assert message in error.what
    assert remedy in error.remedy
    assert error.where == postgresql.over_tcp(**change).partition("://")[0] + "://" + shown(postgresql, change)
    for secret in (postgresql.password, "wrong:secret", "wrong%3Asecret", "p%3A%40ss"):
        assert secret not in str(error)


def shown(postgresql: PostgresqlServer, change: dict[str, str]) -> str:
    user, database = change.get("user", "postgres"), change.get("database", "postgres")
    return f"{user}:***@127.0.0.1:{postgresql.port}/{database}"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("postgresql://me:secret@127.0.0.1:1/d", "Connection refused"),
        ("postgresql://me:secret@no-such-host.invalid/d", "no-such-host.invalid"),
        ("postgresql://me:secret@/d?host=/tmp/no-such-folder", "No such file or directory"),
    ],
)
def test_a_server_that_is_not_there_is_named_at_once(place: str, message: str) -> None:
    started = time.monotonic()
    error = refused(place)
    assert time.monotonic() - started < 10
    assert message in error.what
    assert "secret" not in str(error)
    assert error.remedy == "Check that the server runs, its address and port, and the network between."


def test_who_may_not_make_tables_is_told_to_ask(postgresql, place, user) -> None:
    postgresql.execute(f"GRANT USAGE ON SCHEMA {schema(place)} TO {user}")
    error = refused(place.replace("postgres@", f"{user}@"))
    assert f"permission denied for schema {schema(place)}" in error.what
    assert "CREATE on the schema" in error.remedy


def test_a_schema_that_is_not_there_is_named(postgresql) -> None:
    error = refused(f"{postgresql.url()}&options=-csearch_path%3Dabsent")
    assert "no schema has been selected to create in" in error.what
    assert "CREATE SCHEMA" in error.remedy


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql) -> None:
    name = f"latin_{secrets.token_hex(4)}"
    postgresql.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    error = refused(postgresql.url(name), PackageError)
    assert error.what == "the database's encoding is LATIN1, which cannot hold every text"
    assert "ENCODING 'UTF8'" in error.remedy


def test_who_may_only_read_can_read(postgresql, place, ledger, user) -> None:
    add(ledger, "there")
    postgresql.execute(f"GRANT USAGE ON SCHEMA {schema(place)} TO {user}")
    postgresql.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema(place)} TO {user}")
    reader = open_ledger(place.replace("postgres@", f"{user}@"))
    with reader.reading() as connection:
        assert connection.execute(select(tokens.c.digest)).scalars().all() == ["there"]
    with pytest.raises(HostError, match="permission denied for table tokens") as denied:
        add(reader, "another")
    assert "SELECT and INSERT" in denied.value.remedy
    reader.close()


def test_who_may_only_add_rows_can_be_the_host(postgresql, place, ledger, user) -> None:
    """No right to UPDATE or DELETE is needed: the administrator can withhold them."""
    postgresql.execute(f"GRANT USAGE ON SCHEMA {schema(place)} TO {user}")
    postgresql.execute(f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema(place)} TO {user}")
    postgresql.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema(place)} TO {user}")
    host = open_ledger(place.replace("postgres@", f"{user}@"))
    add(host, "added")
    assert len(host.key("pairing")) == 32
    host.close()


def test_a_reading_transaction_writes_nothing_and_sees_one_state(ledger) -> None:
    with ledger.reading() as connection:
        before = connection.execute(select(tokens)).all()
        add(ledger, "meanwhile")
        assert connection.execute(select(tokens)).all() == before == []
    with pytest.raises(HostError, match="read-only transaction"), ledger.reading() as connection:
        connection.execute(insert(tokens).values(digest="x", expires=1.5))


def test_another_default_of_isolation_changes_nothing(postgresql, place, user) -> None:
    """With SERIALIZABLE, which an administrator may have chosen, transactions would fail for each other's sake."""
    postgresql.execute(f"ALTER ROLE {user} SET default_transaction_isolation = 'serializable'")
    postgresql.execute(f"GRANT ALL ON SCHEMA {schema(place)} TO {user}")
    ledger = open_ledger(place.replace("postgres@", f"{user}@"))
    with ledger.writing() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
    ledger.close()


def test_a_nul_in_a_name_is_stored_as_the_sign_for_no_character(ledger) -> None:
    add(ledger, "a\0b")
    with ledger.reading() as connection:
        assert connection.execute(select(tokens.c.digest)).scalar() == "a\ufffdb"
        assert connection.execute(select(endings).where(endings.c.lease == "x\0")).all() == []


def test_a_store_that_somebody_holds_is_waited_for_and_then_named(postgresql, place, monkeypatch) -> None:
    monkeypatch.setitem(postgresql_store.SESSION, "lock_timeout", "200ms")
    ledger = open_ledger(place)
    with postgresql.connect() as other, other.transaction():
        other.execute(f"LOCK TABLE {schema(place)}.tokens IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(HostError, match="canceling statement due to lock timeout") as held:
            add(ledger, "x")
    assert held.value.remedy == "Another program holds the store: let its transaction end, or end it. Nothing was lost."
    add(ledger, "x")
    ledger.close()


def test_a_transaction_that_the_server_ends_leaves_nothing_and_the_next_one_works(postgresql, ledger) -> None:
    def cut() -> None:
        with ledger.writing() as connection:
            connection.execute(insert(tokens).values(digest="lost", expires=1.5))
            process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            postgresql.execute(f"SELECT pg_terminate_backend({process})")
            connection.execute(insert(tokens).values(digest="later", expires=1.5))

    with pytest.raises(HostError, match="terminat") as ended:
        cut()
    assert ended.value.remedy
    add(ledger, "kept")
    with ledger.reading() as connection:
        assert connection.execute(select(tokens.c.digest)).scalars().all() == ["kept"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresqlServer]:
    """One that a test may stop, and starts again."""
    server = PostgresqlServer()
    yield server
    server.close()


def test_a_server_that_starts_anew_is_waited_for(own_server: PostgresqlServer) -> None:
    ledger = open_ledger(own_server.new_store())
    add(ledger, "before")
    own_server.stop()
    again = threading.Timer(1.0, own_server.start)
    again.start()
    add(ledger, "after")
    with ledger.reading() as connection:
        assert connection.execute(select(tokens.c.digest)).scalars().all() == ["before", "after"]
    again.join()
    ledger.close()


def test_a_server_that_stays_away_is_an_error_in_the_end(own_server: PostgresqlServer, monkeypatch) -> None:
    ledger = open_ledger(own_server.new_store())
    own_server.stop()
    monkeypatch.setattr(ledger, "_patience", 1.0)
    started = time.monotonic()
    with pytest.raises(HostError, match="cannot use the store"):
        add(ledger, "never")
    assert 1.0 <= time.monotonic() - started < 10
    ledger.close()
    own_server.start()


def test_the_waiting_has_an_end_by_default() -> None:
    assert DATABASES["postgresql"].away_seconds == 30.0
    assert postgresql_store.SESSION["lock_timeout"] == "30s"
