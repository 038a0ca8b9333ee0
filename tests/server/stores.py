"""An empty store for a test: SQLite, or what MOBILEDEPLOY_TEST_STORE names (sqlite or postgresql).

A module whose tests are about the store itself has `STORES = EVERY_STORE`, and runs with each of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql_server import PostgresqlServer

__all__ = ["EVERY_STORE", "postgresql", "pytest_generate_tests", "store"]

EVERY_STORE = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        chosen = (os.environ.get("MOBILEDEPLOY_TEST_STORE", "sqlite"),)
        metafunc.parametrize("store", getattr(metafunc.module, "STORES", chosen), indirect=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A server for all tests of this process."""
    server = PostgresqlServer()
    yield server
    server.close()


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place for --store. What a store of a server keeps in files is below `tmp_path` too."""
    if request.param == "sqlite":
        return str(tmp_path / "results.db")
    monkeypatch.chdir(tmp_path)
    return request.getfixturevalue("postgresql").new_store()
