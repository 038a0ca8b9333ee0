from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mobiledeploy.cli import main

sys.path.append(str(Path(__file__).parents[1] / "server"))


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


NET = """
import torch
from torch import nn

class Tiny(nn.Module):
    mobiledeploy_inputs = ((1, 3, 32, 32),)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))
"""


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder, made once."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "nets.py").write_text(NET)
    assert main(["export", f"{folder / 'nets.py'}:Tiny", "--output", str(folder), "--name", "tiny"]) == 0
    return folder / "tiny"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


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
