"""The kinds of databases that can be a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.server import postgresql, sqlite

if TYPE_CHECKING:
    from mobiledeploy.server.database import Database

__all__ = ["DATABASES"]

DATABASES: dict[str, Database] = {each.name: each for each in (sqlite.SQLITE, postgresql.POSTGRESQL)}
