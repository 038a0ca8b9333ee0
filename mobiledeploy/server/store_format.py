"""Whether a database is a store of ours, of which version; and what makes it one.

Every step is one transaction, so that a store is whole or not there, whenever its making is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, func, insert, inspect, select

from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.server.databases import DATABASES
from mobiledeploy.server.tables import FORMAT, METADATA, formats, renewals, reports

if TYPE_CHECKING:
    from mobiledeploy.server.ledger import Ledger

__all__ = ["absent_store", "prepare_store"]

_OTHER = "Name the store, a file that is not there yet, or an empty database or schema (?options=-csearch_path%3DNAME)."


def absent_store(shown: str) -> InputError:
    return InputError(f"no store is there: {shown}", where="--store", remedy="`mobiledeploy bench` makes one.")


def prepare_store(ledger: Ledger, *, make: bool = True) -> None:
    """Makes the tables where there are none, and brings an older store up to date. A store that is as it should be is
    only read.

    Raises InputError where there are none and `make` is False, PackageError for a database of something else and for a
    newer store.
    """
    with ledger.reading() as connection:
        found = _version(connection, ledger.shown)
    if found == FORMAT:
        return
    if found is None and not make:
        raise absent_store(ledger.shown)
    with ledger.writing() as connection:
        found = _version(connection, ledger.shown)  # another program may have been first
        if found is None:
            _create(connection, ledger.shown)
        elif found < FORMAT:
            for version in range(found, FORMAT):
                _STEPS[version](connection)
                connection.execute(insert(formats).values(version=version + 1))


def _version(connection: Connection, where: str) -> int | None:
    """None of an empty database. Raises PackageError."""
    names = set(inspect(connection).get_table_names())
    missing = METADATA.tables.keys() - names - {renewals.name}  # an older store has none yet
    if not names:
        return None
    if missing:
        others = names - METADATA.tables.keys() or names
        what = f"this database is no store of ours: it has {', '.join(sorted(others)[:5])}"
        raise PackageError(what, where=where, remedy=_OTHER)
    columns = {column["name"] for column in inspect(connection).get_columns(formats.name)}
    version = connection.execute(select(func.max(formats.c.version))).scalar() if columns == {"version"} else None
    if version is None:
        raise PackageError("this database is no store of ours: it has no version", where=where, remedy=_OTHER)
    if version > FORMAT:
        what = f"the store has version {version}; this mobiledeploy knows {FORMAT}"
        raise PackageError(what, where=where, remedy="Update mobiledeploy.")
    return int(version)


def _create(connection: Connection, where: str) -> None:
    if (fault := DATABASES[connection.dialect.name].fault(connection)) is not None:
        raise PackageError(fault[0], where=where, remedy=fault[1])
    METADATA.create_all(connection, checkfirst=False)
    for table in METADATA.sorted_tables:
        _guard(connection, table)
    connection.execute(insert(formats).values(version=FORMAT))


def _guard(connection: Connection, table: Table) -> None:
    for statement in DATABASES[connection.dialect.name].guards(table):
        connection.exec_driver_sql(statement)


def _to_2(connection: Connection) -> None:
    """Version 1 was SQLite only. Its triggers did not see rows that are replaced, its jobs were any host's, its hosts
    did not hear of each other's phones, and the latest of many reports were long to find."""
    connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN files VARCHAR(32)")
    renewals.create(connection)
    for index in reports.indexes:
        index.create(connection, checkfirst=True)
    for table in METADATA.sorted_tables:
        _guard(connection, table)


_STEPS: dict[int, Callable[[Connection], Any]] = {1: _to_2}
"""From a version to the next."""
