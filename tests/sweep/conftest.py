"""Factories for the tests of sweeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sweep_tasks import record_of

if TYPE_CHECKING:
    from mobiledeploy.records import SweepRecord

FACTORIES = """
import os
import signal
import time

import torch
from torch import nn


class Tiny(nn.Module):
    mobiledeploy_inputs = [(1, 3, 16, 16)]

    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


def tiny_four():
    return Tiny()


def tiny_six():
    return Tiny(6)


def tiny_wide(width=8):
    return Tiny(width)


def refuses():
    class Drawing(Tiny):
        def forward(self, x):
            return super().forward(x) + torch.rand(1, 5)

    return Drawing()


def crashes():
    os.kill(os.getpid(), signal.SIGSEGV)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def leaves():
    os._exit(7)


def hangs():
    open("hanging", "w").close()
    time.sleep(300)


def takes_a_lot():
    torch.ones(2**34)


def needs(width):
    return Tiny(width)


def _private():
    return Tiny()
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with a file `factories.py` of models that convert and of ones that do not."""
    (tmp_path / "factories.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def passes() -> Callable[..., SweepRecord]:
    """In the place of an attempt: passes at once, in this process."""
    return lambda given, limits, stop=None: record_of(given)
