"""Running a suite: which processes, how they are watched, and what is done when one dies."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.case import Case, append_case, read_cases
from conformance.judge import Choice
from conformance.surroundings import import_heavy
from conformance.worker import MORE, run_worker

if TYPE_CHECKING:
    from conformance.suites import Suite

__all__ = ["Campaign", "run_campaign"]

# conversions leave memory behind: a process ends after so many cases, and another goes on
_BATCH = 3000
_LIMIT_SECONDS = 900.0


@dataclass(frozen=True)
class Campaign:
    """`folder`: where records and logs go; what is recorded there is not run again."""

    suite: Suite
    folder: Path
    jobs: int = 1
    per_function: int | None = None
    seed: str = "0"
    containing: str = ""
    files: tuple[str, ...] = field(default=())

    def records(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def collected(self) -> int:
        """How many cases there are in the files that were run, whether these were run or not."""
        return sum(int(path.read_text(encoding="utf-8")) for path in self.folder.glob("*.collected"))


@dataclass(frozen=True)
class _Task:
    file: str
    shard: int
    shards: int

    @property
    def name(self) -> str:
        path = Path(self.file)
        return f"{path.parent.name}-{path.stem}" + (f"-{self.shard}of{self.shards}" if self.shards > 1 else "")


def run_campaign(campaign: Campaign) -> dict[str, Case]:
    """All records of the suite, by name, when every chosen case has one."""
    campaign.folder.mkdir(parents=True, exist_ok=True)
    _quietly(import_heavy)
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    running: dict[BaseProcess, _Task] = {}
    # ended by a signal, it takes its processes along
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        _watch(campaign, context, running)
    finally:
        for process in running:
            process.terminate()
    return read_cases(campaign.records())


def _watch(campaign: Campaign, context: Any, running: dict[BaseProcess, _Task]) -> None:
    waiting = list(_tasks(campaign))
    told = 0.0
    while waiting or running:
        while waiting and len(running) < campaign.jobs:
            task = waiting.pop(0)
            choice = _choice(campaign, task)
            process = context.Process(target=run_worker, args=(task.file, choice, campaign.folder, task.name))
            process.start()
            running[process] = task
        for process in [process for process in running if not process.is_alive()]:
            task = running.pop(process)
            if _ended(campaign, task, process.exitcode or 0):
                waiting.insert(0, task)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            _tell(campaign, running, len(waiting))
        time.sleep(0.1)


def _tasks(campaign: Campaign) -> Iterator[_Task]:
    files = campaign.files or campaign.suite.files()
    shards = max(1, campaign.jobs // len(files))
    for file in files:
        for shard in range(shards):
            yield _Task(file, shard, shards)


def _choice(campaign: Campaign, task: _Task) -> Choice:
    return Choice(
        per_function=campaign.per_function,
        seed=campaign.seed,
        shard=task.shard,
        shards=task.shards,
        containing=campaign.containing,
        done=frozenset(read_cases(campaign.records())),
        batch=_BATCH,
        limit=_LIMIT_SECONDS,
    )


def _ended(campaign: Campaign, task: _Task, code: int) -> bool:
    """Whether the task goes on in another process. A case that killed its process has failed."""
    if code in (0, MORE):
        return code == MORE
    if code == -signal.SIGTERM:
        raise SystemExit(f"conformance: {task.name} was ended from outside; the same command goes on")
    marker = campaign.folder / f"{task.name}.running"
    log = campaign.folder / f"{task.name}.log"
    if not marker.exists():
        raise SystemExit(f"conformance: {task.file} could not be run (exit code {code}), see {log}")
    reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    name = marker.read_text(encoding="utf-8")
    append_case(
        campaign.folder / f"{task.name}.jsonl", Case(name, "failed", message=f"the process died ({reason}), see {log}")
    )
    marker.unlink()
    return True


def _tell(campaign: Campaign, running: dict[BaseProcess, _Task], waiting: int) -> None:
    cases = read_cases(campaign.records()).values()
    open_ones = sum(not case.settled for case in cases)
    files = ", ".join(task.name for task in running.values())
    state = f"{len(cases)} cases, {open_ones} to look at; {files}; {waiting} files wait"
    print(f"conformance: {campaign.suite.name}: {state}", file=sys.stderr)


def _quietly(work: Callable[[], None]) -> None:
    """coremltools tells of every native library that its wheel lacks."""
    import os

    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            work()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
