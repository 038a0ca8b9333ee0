"""A sweep as a process, interrupted and killed, with real exports of tiny models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mobiledeploy.sweep.results import read_results

NETS = """
import pathlib
import time

import torch
from torch import nn


class Tiny(nn.Module):
    mobiledeploy_inputs = [(1, 3, 16, 16)]

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 5)

    def forward(self, x):
        return self.head(x.mean((2, 3)))


def first():
    return Tiny()


def second():
    if not pathlib.Path("go").exists():
        pathlib.Path("waiting").write_text(str(__import__("os").getpid()))
        time.sleep(300)
    return Tiny()
"""

# A shell starts background jobs with interrupts ignored, and children inherit that.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mobiledeploy.__main__ import main
main()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    arguments = ["sweep", "nets.py:first", "nets.py:second", "--results", "r.jsonl", "--timeout", "250"]
    command = [sys.executable, "-c", INTERRUPTIBLE, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_was_ended_goes_on_where_it_was(tmp_path, number) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    with start(tmp_path) as interrupted:
        deadline = time.monotonic() + 200
        while not (tmp_path / "waiting").exists() and interrupted.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        interrupted.send_signal(number)
        out, err = interrupted.communicate(timeout=60)
    assert out == ""
    if number is signal.SIGINT:
        assert (interrupted.returncode, err.splitlines()[-1]) == (130, "error: interrupted")
    attempt = int((tmp_path / "waiting").read_text())
    deadline = time.monotonic() + 30
    while is_running(attempt):
        assert time.monotonic() < deadline, "the attempt outlived its sweep"
        time.sleep(0.1)
    assert [record.model for record in read_results(tmp_path / "r.jsonl")] == ["nets.py:first"]
    (tmp_path / "go").touch()
    with start(tmp_path) as resumed:
        out, err = resumed.communicate(timeout=200)
    assert resumed.returncode == 0
    assert "1 of 2 are done already, in r.jsonl." in err
    assert "[1/1] nets.py:second coreml float16: passed" in err
    assert [record.outcome for record in read_results(tmp_path / "r.jsonl")] == ["passed", "passed"]
