"""One task in a process of its own: a crash, a hang or a kill is an outcome like any other.

    attempt ──▶ python -m mobiledeploy.sweep.child ──▶ record in a temporary folder
       └─ time limit, memory, how it ended, and what it printed last ─┘

Light on purpose: the workers of an engine import this module, and the libraries are loaded in the child.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from mobiledeploy.records import codec
from mobiledeploy.records.sweep import ReasonName, SweepRecord, SweepTask
from mobiledeploy.sweep.conditions import conditions, now, versions
from mobiledeploy.sweep.files import ANSWER, PRINTED, STAGE
from mobiledeploy.sweep.reasons import outcome_of

__all__ = ["Limits", "attempt"]

_POLL_SECONDS = 0.05
# A process that is out of time gets this long to write where it stands; Python's fault handler needs milliseconds.
_SECONDS_TO_SAY_WHERE = 0.5
# What torch, NumPy's BLAS and the converters read when they are loaded; GOMP_SPINCOUNT and the policy as in __main__.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SPINNING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}


@dataclass(frozen=True)
class Limits:
    """Of one attempt. `seconds`: wall clock, loading of libraries included. `mebibytes`: of private memory, None for
    what there is. `threads`: for numerical libraries, None for what the environment says. `output`: where exported
    folders are kept, None for nowhere. `folder`: the one that relative paths are meant from, None for the present."""

    seconds: float = 1800.0
    mebibytes: int | None = None
    threads: int | None = None
    output: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class _Ending:
    """Of a process. `code`: as of `subprocess`, negative for a signal. `killed`: why we ended it ourselves."""

    code: int
    seconds: float
    peak_mebibytes: float | None
    killed: str | None


def attempt(task: SweepTask, limits: Limits, stop: threading.Event | None = None) -> SweepRecord | None:
    """The task's record; None where `stop` was set before it came to an end. Whatever happens, nothing is raised."""
    try:
        return _attempt(task, limits, stop)
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else None
        return _record(task, "host", f"no process could be started: {error.strerror or error}", where=where)


def _attempt(task: SweepTask, limits: Limits, stop: threading.Event | None) -> SweepRecord | None:
    with tempfile.TemporaryDirectory(prefix="mobiledeploy-sweep-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [sys.executable, "-X", "faulthandler", "-m", "mobiledeploy.sweep.child", name]
        command += [str(_output(task, limits, folder))]
        command += [] if limits.mebibytes is None else [str(limits.mebibytes)]
        with (folder / PRINTED).open("wb") as noise:
            ending = _ended(command, task, limits, noise, stop)
        if ending.killed == "stop":
            return None
        record = _read(folder / ANSWER) or _of_ending(task, ending, limits, folder)
        return replace(record, total_seconds=round(ending.seconds, 3), peak_mebibytes=ending.peak_mebibytes)


def _output(task: SweepTask, limits: Limits, folder: Path) -> Path:
    """Exports with other options stand in other folders, so that none replaces another."""
    if limits.output is None:
        return folder / "export"
    size = task.options.resolution
    return limits.output / f"{task.target}-{task.options.precision}{'' if size is None else f'-{size[0]}x{size[1]}'}"


def _ended(
    command: list[str], task: SweepTask, limits: Limits, noise: IO[bytes], stop: threading.Event | None
) -> _Ending:
    """Runs `command` to its end. It is in a session of its own, so that an interrupt from the terminal reaches only the
    sweep, and whatever it started ends with it."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=noise,
        stderr=noise,
        cwd=limits.folder,
        env=_environment(limits.threads),
        start_new_session=True,
    ) as child:
        try:
            _tell(child, task)
            return _watched(child, started, limits, stop)
        finally:
            _kill(child)


def _environment(threads: int | None) -> dict[str, str]:
    chosen = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
    return {**chosen, **_SPINNING, **os.environ}


def _tell(child: subprocess.Popen[bytes], task: SweepTask) -> None:
    assert child.stdin is not None
    line = " ".join(codec.dumps(task).splitlines())
    try:
        child.stdin.write(f"{line}\n".encode())
        child.stdin.flush()
    except BrokenPipeError:
        return  # it has died already; how, its ending tells


def _watched(child: subprocess.Popen[bytes], started: float, limits: Limits, stop: threading.Event | None) -> _Ending:
    peak: float | None = None
    killed = None
    while True:
        peak = _peak(child.pid) or peak
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        seconds = time.monotonic() - started
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB elsewhere
            return _Ending(child.returncode, seconds, peak or usage.ru_maxrss / unit, killed)
        if killed is None and stop is not None and stop.is_set():
            killed = "stop"
        elif killed is None and seconds > limits.seconds:
            killed = "timeout"
            _signal_all(child.pid, signal.SIGUSR1)
            time.sleep(_SECONDS_TO_SAY_WHERE)
        if killed is not None:
            _signal_all(child.pid)
        time.sleep(_POLL_SECONDS)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is None:
        _signal_all(child.pid)


def _signal_all(session: int, number: signal.Signals = signal.SIGKILL) -> None:
    try:
        os.killpg(session, number)
    except (ProcessLookupError, PermissionError):
        return  # it has just ended


def _peak(pid: int) -> float | None:
    """Of resident memory in MiB. `ru_maxrss` would begin with the memory of the process that forked."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith("VmHWM:")), None)
    return None if line is None else int(line.split()[1]) / 1024


def _read(answer: Path) -> SweepRecord | None:
    return codec.read(SweepRecord, answer) if answer.is_file() else None


def _of_ending(task: SweepTask, ending: _Ending, limits: Limits, folder: Path) -> SweepRecord:
    reason, message = _why(ending, limits)
    frame = _frame(folder / PRINTED)
    return _record(task, reason, message, where=frame, line=frame, stage=_text(folder / STAGE).strip() or None)


def _record(
    task: SweepTask,
    reason: ReasonName,
    message: str,
    *,
    where: str | None = None,
    line: str | None = None,
    stage: str | None = None,
) -> SweepRecord:
    return SweepRecord(
        model=task.model,
        target=task.target,
        options=task.options,
        files=task.files,
        outcome=outcome_of(reason),
        finished=now(),
        reason=reason,
        stage=stage,
        message=message,
        where=where,
        line=line,
        versions=versions(),
        conditions=conditions(),
    )


def _why(ending: _Ending, limits: Limits) -> tuple[ReasonName, str]:
    if ending.killed == "timeout":
        return "timeout", f"it was not done after {limits.seconds:g} s"
    peak = "" if ending.peak_mebibytes is None else f"; it had taken {ending.peak_mebibytes:.0f} MiB"
    if ending.code == -signal.SIGKILL:
        return "memory", f"the system killed the process, as it does when memory runs out{peak}"
    if limits.mebibytes is not None and ending.code == -signal.SIGABRT:
        return "memory", f"the process gave up within {limits.mebibytes} MiB{peak}"
    if ending.code < 0:
        return "crash", f"the process died of {signal.Signals(-ending.code).name}{peak}"
    return "crash", f"the process left with {ending.code} and without an answer"


def _frame(printed: Path) -> str | None:
    """`file.py:12` of the innermost frame that Python's fault handler wrote of the thread it was called in."""
    match = re.search(r'^(?:Current thread|Stack).*\n\s*File "([^"]+)", line (\d+)', _text(printed), re.MULTILINE)
    return None if match is None else f"{match[1].rpartition('/site-packages/')[2]}:{match[2]}"


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
