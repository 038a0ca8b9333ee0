"""Where a store is: an SQLite file, or a SQLAlchemy URL. What people are told of it never has a password."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mobiledeploy.errors import InputError

__all__ = ["is_url", "shown_store", "sqlite_file", "store_url"]

_EXAMPLES = "Give a file, or a URL as sqlite:///results.db or postgresql://user@host/database."
_SECRET = ("password", "passfile", "sslpassword")


def is_url(place: str) -> bool:
    return "://" in place


def store_url(place: str) -> URL:
    """The URL of `place`, of PostgreSQL with our driver where it names none. Raises InputError for what is none."""
    if not is_url(place):
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):  # their own words hold the URL, or only a part of it
        raise InputError(
            "cannot open the store: this is no URL of a database", where="--store", remedy=_EXAMPLES
        ) from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError("cannot open the store: it would be gone with this process", where="--store", remedy=_EXAMPLES)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return url


def shown_store(place: str) -> str:
    """`place` for people: a file as it was given, a URL without its password. Raises InputError as `store_url`."""
    if not is_url(place):
        return place
    store_url(place)
    url = make_url(place)
    query = {name: "***" if name in _SECRET else value for name, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path:
    """The file of an SQLite store, which may be named by SQLite's own `file:` URI."""
    return Path((url.database or "").removeprefix("file:"))
