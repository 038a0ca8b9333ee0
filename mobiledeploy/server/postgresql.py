"""PostgreSQL as a store: one writer at a time, as in SQLite, and rows that stay as they are.

A writing transaction takes an advisory lock before it looks at anything. Behind it, READ COMMITTED sees all that the
writers before have committed: no transaction fails for another's sake, so there is none to be tried again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Table, event

from mobiledeploy.server.database import Database

__all__ = ["POSTGRESQL", "SESSION"]


_LOCK = 0x6D6F6264  # "mobd"; with the schema, for each store its own
SESSION = {
    "lock_timeout": "30s",
    # a host that was put to sleep in the middle of a transaction, or lost its network, must not hold the others up
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "synchronous_commit": "on",
}
_BUSY = "Another program holds the store: let its transaction end, or end it. Nothing was lost."
_REMEDIES = {  # https://www.postgresql.org/docs/current/errcodes-appendix.html
    "28P01": "Check user and password; the variable PGPASSWORD or the file ~/.pgpass keeps it out of the command.",
    "28000": "Ask the database's administrator to let this user in from here (pg_hba.conf).",
    "3D000": "Create the database, as `createdb NAME`, or correct its name.",
    "3F000": "Create the schema, as `CREATE SCHEMA name`, or correct its name.",
    "42501": "Ask the database's administrator for CREATE on the schema, and SELECT and INSERT on the store's tables.",
    "25006": "This server only answers reads: name the primary one.",
    "53100": "Make room on the server's disk; what was stored before is whole.",
    "53300": "The server has no connection left: end some, or raise its max_connections.",
    "55P03": _BUSY,
    "40P01": _BUSY,
    "57014": "The server has a statement_timeout that is too short for this: raise it.",
}
_REFUSED = "The server answered and let nobody in: ask its administrator about what it says."
_UNREACHED = "Check that the server runs, its address and port, and the network between."


def _prepare(engine: Engine) -> None:
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _without_nul, retval=True)


def _connected(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for name, value in SESSION.items():
        cursor.execute(f"SET {name} = '{value}'")
    cursor.close()
    connection.commit()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK}, hashtext(current_schema()))")


def _without_nul(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, many: bool) -> Any:
    """PostgreSQL's text holds no NUL, which a hostile phone may send as a name. JSON has none as it is written."""
    rows = [_row_without_nul(row) for row in given] if many else _row_without_nul(given)
    return statement, rows


def _row_without_nul(row: Any) -> Any:
    if isinstance(row, dict):
        return {name: _text(value) for name, value in row.items()}
    return tuple(map(_text, row))


def _text(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


def _remedy(error: BaseException) -> str | None:
    """What helps against an error of the driver; one without a code never reached the server, or was thrown out."""
    code = getattr(error, "sqlstate", None)
    if code is not None:
        return _REMEDIES.get(code)
    words = str(error)
    found = (text for part, text in _SPOKEN.items() if part in words)
    return next(found, _REFUSED if "FATAL" in words else _UNREACHED)


# what libpq says when it could not connect comes without a code
_SPOKEN = {
    "password authentication failed": _REMEDIES["28P01"],
    "no password supplied": _REMEDIES["28P01"],
    "no pg_hba.conf entry": _REMEDIES["28000"],
    "role ": "Name a user that the server has.",
    "database ": _REMEDIES["3D000"],
    "too many clients": _REMEDIES["53300"],
    "remaining connection slots": _REMEDIES["53300"],
}

_FUNCTION = """
CREATE OR REPLACE FUNCTION mobiledeploy_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation';
END
$$
"""


def _guards(table: Table) -> tuple[str, ...]:
    """Statements that keep its rows as they are, even from a session that replicates."""
    name = f"{table.name}_append_only"
    return (
        _FUNCTION,
        f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION mobiledeploy_append_only()",
        f"ALTER TABLE {table.name} ENABLE ALWAYS TRIGGER {name}",
    )


def _fault(connection: Connection) -> tuple[str, str] | None:
    """Names and messages are in any language."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding == "UTF8":
        return None
    what = f"the database's encoding is {encoding}, which cannot hold every text"
    return what, "Make one that can: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0."


POSTGRESQL = Database(
    "postgresql",
    ("postgresql+psycopg",),
    "mobiledeploy[postgresql]",
    _prepare,
    _guards,
    _remedy,
    _fault,
    engine={"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}},
    writing={"isolation_level": "READ COMMITTED"},
    reading={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    away_seconds=30.0,
)
