"""SQLite as a store: one file, one writer at a time, every commit on the disk before it is answered."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, Table, UniqueConstraint, event

from mobiledeploy.server.database import Database
from mobiledeploy.server.store_url import sqlite_file

__all__ = ["BUSY_SECONDS", "SQLITE"]

BUSY_SECONDS = 30.0
"""So long another program's transaction is waited for."""

_AGAIN_SECONDS = 0.02
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another program holds the file: let it end, or stop it. Nothing was lost.",
    sqlite3.SQLITE_LOCKED: "Another program holds the file: let it end, or stop it. Nothing was lost.",
    sqlite3.SQLITE_READONLY: "Give yourself the right to write the file and its folder, or copy both elsewhere.",
    sqlite3.SQLITE_CANTOPEN: "Check that the folder is there and can be written: SQLite keeps two files beside it. "
    "What is only there to be read opens as sqlite:///file:PATH?immutable=1&uri=true.",
    sqlite3.SQLITE_FULL: "Make room on the disk; what was stored before is whole.",
    sqlite3.SQLITE_IOERR: "Make room on the disk, and check that it works; what was stored before is whole.",
    sqlite3.SQLITE_NOTADB: "Name the store, or a file that is not there yet.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: restore a copy, or rescue its rows with `sqlite3 FILE .recover`.",
}


def _prepare(engine: Engine) -> None:
    """Makes the folder of the file. Raises OSError."""
    sqlite_file(engine.url).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}")
    _write_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """A new file is switched to it once; SQLite does not wait there for another program that is writing."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    """What writes holds the only writer's lock from its start, so that nothing it has read changes under it."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _remedy(error: BaseException) -> str | None:
    """What helps against an error of the driver."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else _REMEDIES.get(code & 0xFF)  # the low byte is the primary code


def _guards(table: Table) -> tuple[str, ...]:
    """Statements that keep its rows as they are. An INSERT OR REPLACE deletes without firing a DELETE trigger, so
    the row that it would replace is looked for before."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    keys = [tuple(table.primary_key.columns), *(tuple(column) for column in _unique(table))]
    taken = " OR ".join("(" + " AND ".join(f"{each.name} = NEW.{each.name}" for each in key) + ")" for key in keys)
    return (
        *(
            f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{action.lower()} BEFORE {action} ON {table.name} {refuse}"
            for action in ("UPDATE", "DELETE")
        ),
        f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_replace BEFORE INSERT ON {table.name} "
        f"WHEN EXISTS (SELECT 1 FROM {table.name} WHERE rowid = NEW.rowid OR {taken}) {refuse}",
    )


def _unique(table: Table) -> list[tuple[Any, ...]]:
    found = [tuple(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    return sorted(found, key=lambda key: [column.name for column in key])


SQLITE = Database("sqlite", ("sqlite", "sqlite+pysqlite"), "Python", _prepare, _guards, _remedy)
