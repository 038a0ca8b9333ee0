"""The store itself, in SQLite or PostgreSQL: every commit is on the disk before it is answered."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, create_engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mobiledeploy.errors import HostError, InputError
from mobiledeploy.server.databases import DATABASES
from mobiledeploy.server.store_format import absent_store, prepare_store
from mobiledeploy.server.store_url import shown_store, sqlite_file, store_url
from mobiledeploy.server.tables import keys

__all__ = ["Ledger", "check_place", "open_ledger", "utc"]

_AGAIN_SECONDS = 0.5
_EXAMPLES = "Give a file, or a URL as sqlite:///results.db or postgresql://user@host/database."
_CHECK = "Check that the place can be written, that the disk is not full, and that it is a store of ours."


class Ledger:
    """Transactions on the store. `shown`: where it is, for people, without a password."""

    def __init__(self, engine: Engine, shown: str) -> None:
        self.shown = shown
        self._engine = engine
        self._database = database = DATABASES[engine.dialect.name]
        self._for_writing = engine.execution_options(writes=True, **database.writing)
        self._for_reading = engine.execution_options(**database.reading)
        self._writer = threading.Lock()  # SQLite lets writers race for its lock, and some of many then wait for ever
        self._patience = 0.0

    def open(self, *, make: bool = True) -> None:
        """Makes what is missing in the store. From here on, a server that goes away is waited for, as it starts anew.

        Raises HostError, PackageError; InputError where there is no store and none is to be made.
        """
        prepare_store(self, make=make)
        self._patience = self._database.away_seconds

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write; it holds the only writer's lock from its start, so that nothing it has read
        changes before it commits. Raises HostError; an IntegrityError of a constraint goes through."""
        with self._writer, self._transaction(self._for_writing) as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees one state of the store. Raises HostError."""
        with self._transaction(self._for_reading) as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._connection(engine) as connection, connection.begin():
                yield connection
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeoutError) as error:
            raise _unusable(self.shown, error, self._database.remedy(getattr(error, "orig", None) or error)) from error

    def _connection(self, engine: Engine) -> Connection:
        """Nothing has been asked of the store before there is one, so that it may be tried again."""
        until = time.monotonic() + self._patience
        while True:
            try:
                return engine.connect()
            except OperationalError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_AGAIN_SECONDS)

    def key(self, name: str) -> bytes:
        """32 random bytes, made the first time they are asked for and kept."""
        query = select(keys.c.value).where(keys.c.name == name)
        with self.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            with self.writing() as connection:
                found = connection.execute(query).scalar()
                if found is None:
                    found = secrets.token_hex(32)
                    connection.execute(insert(keys).values(name=name, value=found))
        return bytes.fromhex(found)

    def close(self) -> None:
        self._engine.dispose()


def open_ledger(place: str, *, make: bool = True) -> Ledger:
    """The store at `place`, a SQLAlchemy URL or the path of an SQLite file; with `make`, made if it is not there.

    Raises InputError for a URL that cannot be one and for a store that is not there, HostError where the store cannot
    be used, PackageError where it is of a newer version or no store of ours.
    """
    engine, shown = check_place(place), shown_store(place)
    if not make and engine.dialect.name == "sqlite" and not sqlite_file(engine.url).is_file():
        raise absent_store(shown)
    try:
        DATABASES[engine.dialect.name].prepare(engine)
    except OSError as error:
        raise _unusable(shown, error) from error
    ledger = Ledger(engine, shown)
    try:
        ledger.open(make=make)
    except BaseException:
        ledger.close()
        raise
    return ledger


def check_place(place: str) -> Engine:
    """An engine for it, which has touched nothing yet. Raises InputError for a URL that cannot be one, for one without
    its driver, and for a kind of database or a driver that cannot be a store's."""
    url = store_url(place)
    kind = url.get_backend_name()
    database = DATABASES.get(kind)
    try:
        if database is not None and url.drivername in database.drivers:
            return create_engine(url, **database.engine)
        url.get_dialect()
    except (ImportError, NoSuchModuleError) as error:
        wanted = f"Install the driver: pip install '{database.package}'." if database else _EXAMPLES
        raise InputError(f"cannot open the store: {error}", where="--store", remedy=wanted) from None
    if database is not None:
        what, remedy = f"cannot open the store by {url.drivername}", f"Name no driver, as in {kind}://…."
        raise InputError(what, where="--store", remedy=remedy)
    what = f"cannot open the store: {kind} cannot be one, only {' and '.join(DATABASES)}"
    raise InputError(what, where="--store", remedy=_EXAMPLES)


def _unusable(shown: str, error: Exception, remedy: str | None = None) -> HostError:
    original = getattr(error, "orig", None) or error
    lines = [line.strip() for line in (getattr(original, "strerror", None) or str(original)).splitlines()]
    reason = "; ".join(filter(None, lines)).replace(":; ", ": ")
    return HostError(f"cannot use the store: {reason}", where=shown, remedy=remedy or _CHECK)


def utc() -> str:
    """Now, UTC, ISO 8601 to the millisecond, with Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
