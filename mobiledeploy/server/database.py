"""What a kind of database must bring to be a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

__all__ = ["Database"]


def _faultless(_connection: Connection) -> None:
    return None


@dataclass(frozen=True)
class Database:
    """`name`: SQLAlchemy's of the dialect. `drivers`: as they stand in its URLs. `package`: what brings the driver.

    `prepare`: takes a new engine, and sees to it that a transaction with the execution option `writes` is the only
    such one from its start to its end; raises OSError. `guards`: statements that keep the rows of a table as they are.
    `remedy`: what helps against an error of the driver, if that is known. `fault`: why a new store cannot be made, and
    the remedy. `engine`, `writing`, `reading`: options of the engine and of the two kinds of transactions; one that
    reads sees one state of the store. `away_seconds`: so long an open store's server may be away.
    """

    name: str
    drivers: tuple[str, ...]
    package: str
    prepare: Callable[[Engine], None]
    guards: Callable[[Table], tuple[str, ...]]
    remedy: Callable[[BaseException], str | None]
    fault: Callable[[Connection], tuple[str, str] | None] = _faultless
    engine: Mapping[str, Any] = field(default_factory=dict)
    writing: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    away_seconds: float = 0.0
