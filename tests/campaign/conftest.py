from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from attached_phones import bench, phone

from mobiledeploy.cli import main

SERVER = Path(__file__).parents[1] / "server"
sys.path.append(str(SERVER))

from stores import postgresql, pytest_generate_tests, store  # noqa: E402 - behind the line that finds it

__all__ = ["bench", "phone", "postgresql", "pytest_generate_tests", "store"]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder, made once."""
    folder = tmp_path_factory.mktemp("exported")
    assert main(["export", f"{SERVER / 'tiny_network.py'}:Tiny", "--output", str(folder), "--name", "tiny"]) == 0
    return folder / "tiny"


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """`command("results", "list")` runs it and gives exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MOBILEDEPLOY_DEBUG", raising=False)

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run
