"""Simulated phones as processes: when they are missed, and that none outlives the campaign."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from mobiledeploy.campaign import simulated
from mobiledeploy.campaign.simulated import SimulatedPhones
from mobiledeploy.errors import HostError

STAYS = "import time\nprint('here', flush=True)\ntime.sleep(60)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{STAYS}"
POLITE = f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit('released'))\n{STAYS}"
ENDS_FIRST = f"import sys\nif 'phone 1' in ' '.join(sys.argv):\n    sys.exit('no memory')\n{STAYS}"


@pytest.fixture
def program(tmp_path: Path):
    def write(source: str) -> Path:
        path = tmp_path / "harness-cli"
        path.write_text(f"#!{sys.executable}\n{source}\n")
        path.chmod(0o755)
        return path

    return write


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_one_that_is_left_goes_on(program, tmp_path) -> None:
    before = len(children())
    with SimulatedPhones(program(ENDS_FIRST), "http://h", ["A", "B"], tmp_path / "phones") as phones:
        until(lambda: len(children()) == before + 1 and (tmp_path / "phones/phone-2/log.txt").read_text())
        phones.check()
    assert len(children()) == before


def test_none_that_is_left_is_an_error(program, tmp_path) -> None:
    ends = program("import sys\nsys.exit('no memory')")
    with SimulatedPhones(ends, "http://h", ["A", "B"], tmp_path / "phones") as phones:
        until(lambda: all(process.poll() is not None for process in phones._processes))
        with pytest.raises(HostError, match=r"the simulated phones ended \(exit code 1\): no memory"):
            phones.check()


def test_a_phone_is_told_to_end_and_may_give_its_job_back(program, tmp_path) -> None:
    log = tmp_path / "phones/phone-1/log.txt"
    with SimulatedPhones(program(POLITE), "http://h", ["A"], tmp_path / "phones"):
        until(log.read_text)
    assert log.read_text().split() == ["here", "released"]


@pytest.mark.parametrize("source", [STAYS, STUBBORN], ids=["stays", "stubborn"])
def test_none_outlives_the_campaign(program, tmp_path, monkeypatch, source: str) -> None:
    monkeypatch.setattr(simulated, "_STOP_SECONDS", 0.5)
    folder, before = tmp_path / "phones", len(children())
    with SimulatedPhones(program(source), "http://h", ["A"], folder):
        until((folder / "phone-1/log.txt").read_text)
        assert len(children()) == before + 1
    assert len(children()) == before
