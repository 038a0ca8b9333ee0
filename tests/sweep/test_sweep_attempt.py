"""An attempt in a real process of its own: every way in which it can end is a record."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sweep_tasks import task

from mobiledeploy.sweep.attempt import Limits, attempt
from mobiledeploy.sweep.conditions import versions

if TYPE_CHECKING:
    from mobiledeploy.records.sweep import SweepTask

pytestmark = pytest.mark.usefixtures("factories")


def test_a_model_that_passes_is_measured() -> None:
    record = attempt(task("tiny_four"), Limits(seconds=300, threads=1))
    assert record is not None
    assert (record.outcome, record.reason, record.message) == ("passed", None, None)
    assert (record.model, record.target) == ("factories.py:tiny_four", "coreml")
    assert (record.parameters, record.weights, record.max_rank) == (137, "own", 4)
    assert record.before == record.after
    assert record.before is not None
    assert (record.before.operators, record.before.macs) == (4, 14 * 14 * 4 * 27 + 20)
    assert (record.weight_before, record.dearer) == (record.weight_after, ())
    assert record.psnr_db is not None
    assert record.psnr_db > 60  # rounding to fp16 leaves 66 dB per value
    stages = {"source", "reference", "capture", "rewrite", "convert coreml", "check coreml", "write"}
    assert set(record.seconds) == stages
    assert record.total_seconds > sum(record.seconds.values())
    assert record.peak_mebibytes is not None
    assert 100 < record.peak_mebibytes < 8000
    assert record.versions == versions()
    assert record.conditions["threads"] == os.environ.get("OMP_NUM_THREADS", "1")


def test_a_refusal_has_its_operator_and_line() -> None:
    record = attempt(task("refuses"), Limits(seconds=300))
    assert record is not None
    assert (record.outcome, record.reason, record.stage, record.error) == (
        "refused",
        "capture",
        "capture",
        "CaptureError",
    )
    assert record.operator == "aten.rand.default"
    assert record.line is not None
    assert record.line.startswith("factories.py:")
    assert record.remedy
    assert record.seconds["source"] >= 0


def test_a_crash_is_a_result() -> None:
    record = attempt(task("crashes"), Limits(seconds=300))
    assert record is not None
    assert (record.outcome, record.reason, record.stage) == ("failed", "crash", "source")
    assert record.message is not None
    assert record.message.startswith("the process died of SIGSEGV; it had taken ")
    assert record.line is not None
    assert record.line.startswith("factories.py:")


def test_a_kill_from_outside_is_taken_for_a_lack_of_memory() -> None:
    record = attempt(task("is_killed"), Limits(seconds=300))
    assert record is not None
    assert (record.outcome, record.reason) == ("failed", "memory")
    assert record.message is not None
    assert record.message.startswith("the system killed the process, as it does when memory runs out")


def test_an_exit_without_an_answer_is_a_crash() -> None:
    record = attempt(task("leaves"), Limits(seconds=300))
    assert record is not None
    assert (record.reason, record.message) == ("crash", "the process left with 7 and without an answer")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts private memory for RLIMIT_DATA")
def test_more_memory_than_is_allowed_is_a_result() -> None:
    record = attempt(task("takes_a_lot"), Limits(seconds=300, mebibytes=6000))
    assert record is not None
    assert (record.outcome, record.reason) == ("failed", "memory")


class OnceItHangs:
    """Limits whose time is up as soon as the model hangs, however long loading takes on a busy machine."""

    mebibytes = threads = output = folder = None

    @property
    def seconds(self) -> float:
        return 0.5 if Path("hanging").exists() else 300.0


def test_a_model_that_hangs_is_ended_and_says_where_it_stood() -> None:
    record = attempt(task("hangs"), OnceItHangs())  # type: ignore[arg-type]
    assert record is not None
    assert (record.outcome, record.reason, record.message) == ("failed", "timeout", "it was not done after 0.5 s")
    assert record.total_seconds < 290
    assert record.stage == "source"
    assert record.line is not None
    assert record.line.startswith("factories.py:")


def test_a_stop_ends_the_process_and_leaves_no_record() -> None:
    stop = threading.Event()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(attempt(task("hangs"), Limits(), stop)))
    thread.start()
    wait_for(Path("hanging"))
    stop.set()
    thread.join(timeout=30)
    assert answers == [None]


def test_a_process_ends_with_the_one_that_asked_for_it(factories) -> None:
    """A sweep that is killed, and cannot clean up, leaves nothing running."""
    line = " ".join(task_json(task("hangs")).splitlines())
    folder = factories / "exchange"
    folder.mkdir()
    command = [sys.executable, "-m", "mobiledeploy.sweep.child", str(folder), str(folder / "out")]
    read, write = os.pipe()
    with subprocess.Popen(command, stdin=read) as child:
        os.close(read)
        os.write(write, f"{line}\n".encode())
        wait_for(Path("hanging"))
        os.close(write)
        assert child.wait(timeout=30) == 1
    assert not folder.exists()


def test_a_machine_that_starts_no_process_is_a_result(monkeypatch) -> None:
    monkeypatch.setattr("sys.executable", "absent-python")
    record = attempt(task("tiny_four"), Limits())
    assert record is not None
    assert (record.outcome, record.reason, record.where) == ("failed", "host", "absent-python")
    assert record.message == "no process could be started: No such file or directory"


def test_exports_are_kept_where_they_are_wanted(factories) -> None:
    record = attempt(task("tiny_six"), Limits(seconds=300, output=factories / "kept"))
    assert record is not None
    assert record.outcome == "passed"
    assert (factories / "kept" / "coreml-float16" / "factories_tiny_six" / "manifest.json").is_file()


def task_json(given: SweepTask) -> str:
    from mobiledeploy.records import codec

    return codec.dumps(given)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
