"""The store itself: any SQLAlchemy URL; SQLite by default, where every commit is on the disk before it is answered."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from mobiledeploy.errors import HostError, InputError, InternalError, PackageError
from mobiledeploy.server.tables import FORMAT, METADATA, formats, keys

__all__ = ["Ledger", "check_place", "open_ledger", "utc"]

_BUSY_SECONDS = 30


class Ledger:
    """Transactions on the store. `url`: without its password, for people."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = threading.Lock()  # SQLite lets writers race for its lock, and some of many then wait for ever
        self.url = engine.url.render_as_string(hide_password=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write; on SQLite it holds the only writer's lock from its start, so that nothing it
        has read changes before it commits. Raises HostError; an IntegrityError of a constraint goes through."""
        with self._writer, self._transaction(self._engine.execution_options(writes=True)) as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees one state of the store. Raises HostError."""
        with self._transaction(self._engine) as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise _unusable(self.url, error) from error

    def key(self, name: str) -> bytes:
        """32 random bytes, made the first time they are asked for and kept."""
        with self.writing() as connection:
            found = connection.execute(select(keys.c.value).where(keys.c.name == name)).scalar()
            if found is None:
                found = secrets.token_hex(32)
                connection.execute(insert(keys).values(name=name, value=found))
        return bytes.fromhex(found)

    def close(self) -> None:
        self._engine.dispose()


def open_ledger(place: str) -> Ledger:
    """The store at `place`, a SQLAlchemy URL or the path of an SQLite file; made if it is not there.

    Raises InputError for a URL that cannot be one, HostError where the store cannot be used, PackageError where it is
    of a newer version or no store of ours.
    """
    engine = check_place(place)
    if engine.dialect.name == "sqlite":
        try:
            Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(place, error) from error
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    ledger = Ledger(engine)
    _prepare(ledger)
    return ledger


def check_place(place: str) -> Engine:
    """An engine for it, which has touched nothing yet. Raises InputError for a URL that cannot be one."""
    url = place if "://" in place else f"sqlite:///{Path(place).absolute()}"
    try:
        return create_engine(make_url(url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        remedy = "Give a file, or a URL as sqlite:///results.db; a driver of its own may have to be installed."
        raise InputError(f"cannot open the store: {error}", where="--store", remedy=remedy) from None


def _prepare(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        METADATA.create_all(connection)
        version = connection.execute(select(formats.c.version)).scalar()
        if version is None:
            connection.execute(insert(formats).values(version=FORMAT))
        elif version > FORMAT:
            what = f"the store has version {version}; this mobiledeploy knows {FORMAT}"
            raise PackageError(what, where=ledger.url, remedy="Update mobiledeploy.")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unusable(url: str, error: Exception) -> HostError:
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        raise InternalError(str(error)) from error
    reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    remedy = "Check that the place can be written, that the disk is not full, and that the file is a store of ours."
    return HostError(f"cannot use the store: {reason}", where=url, remedy=remedy)


def utc() -> str:
    """Now, UTC, ISO 8601 to the millisecond, with Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
