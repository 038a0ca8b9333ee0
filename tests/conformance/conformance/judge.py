"""The plugin that runs inside pytest: chooses the cases, runs each from its own seed, and writes what came of it."""

from __future__ import annotations

import random
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conformance.case import Case, append_case
from conformance.comparison import BOUND
from conformance.recorder import Recorder, Tally
from conformance.sampling import seed_of, select
from conformance.surroundings import Surroundings

__all__ = ["Choice", "Judge"]

_LONGEST_MESSAGE = 400
# Core ML predicts these, but nothing here claims to
_OTHER_FORMAT = "older neural-network format"


@dataclass(frozen=True)
class Choice:
    """Which cases of a file one process runs. `per_function`: of each test function, all when None. `seed`: of that
    choice, and of the cases' random values. `shard`, `shards`: which part of them. `containing`: what a name must
    contain. `done`: names that have been run. `batch`: how many at most. `limit`: seconds for one case."""

    per_function: int | None
    seed: str
    shard: int
    shards: int
    containing: str
    done: frozenset[str]
    batch: int
    limit: float


class Judge:
    """`remaining`: how many of the chosen cases were left for another process."""

    def __init__(self, choice: Choice, results: Path, running: Path) -> None:
        self.remaining = 0
        self._choice = choice
        self._results = results
        self._running = running
        self._recorder = Recorder()
        self._surroundings = Surroundings(self._recorder)
        self._names: dict[str, str] = {}
        self._started = 0.0
        self._exact: str | None = None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        counts: Counter[str] = Counter()
        for item in items:
            self._names[item.nodeid] = _name(item, counts)
        programs = [item for item in items if "neuralnetwork" not in item.nodeid]
        if programs:
            path = programs[0].path
            collected = self._results.parent / f"{path.parent.name}-{path.stem}.collected"
            collected.write_text(str(len(programs)), encoding="utf-8")
        chosen = {self._names[item.nodeid] for item in programs}
        if self._choice.per_function is not None:
            chosen = select(chosen, self._choice.per_function, self._choice.seed)
        kept = [item for item in programs if self._names[item.nodeid] in chosen]
        kept = [item for item in kept if self._choice.containing in self._names[item.nodeid]]
        kept = kept[self._choice.shard :: self._choice.shards]
        kept = [item for item in kept if self._names[item.nodeid] not in self._choice.done]
        self.remaining = max(0, len(kept) - self._choice.batch)
        items[:] = kept[: self._choice.batch]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._running.write_text(self._names[item.nodeid], encoding="utf-8")
        self._recorder.tally, self._exact, self._started = Tally(), None, time.perf_counter()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            before, tempfile.tempdir = tempfile.tempdir, folder
            try:
                return (yield)
            finally:
                tempfile.tempdir = before
                shutil.rmtree(folder, ignore_errors=True)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._seed(item)
        with _Limit(self._choice.limit):
            try:
                return (yield)
            finally:
                tally = self._recorder.tally
                if tally.half and (tally.bound > 1 or tally.differing):
                    self._exact = self._without_rounding(item)
                    self._recorder.tally = tally

    def _without_rounding(self, item: pytest.Item) -> str:
        """The case again, with the same random values, and programs that round nothing to fp16."""
        self._recorder.tally, self._surroundings.precision = Tally(), "float32"
        self._seed(item)
        try:
            item.runtest()
        except Exception:
            within = bool(self._recorder.tally.differing) and self._recorder.tally.bound <= 1
            return "within" if within else "beyond"
        else:
            return "passed" if self._recorder.tally.bound <= 1 else "beyond"
        finally:
            self._surroundings.precision = "declared"

    def _seed(self, item: pytest.Item) -> None:
        seed = seed_of(self._names[item.nodeid], self._choice.seed)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report: pytest.TestReport = yield
        if report.when == "call" or (report.when == "setup" and not report.passed):
            append_case(self._results, self._case(item, call, report))
        return report

    def _case(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Case:
        tally = self._recorder.tally
        category, message = _category(call, report, tally)
        return Case(
            name=self._names[item.nodeid],
            category=category,
            predictions=tally.predictions,
            comparisons=tally.comparisons,
            bound=round(tally.bound, 4),
            scaled=round(tally.scaled, 4),
            zeros=tally.zeros,
            zeros_bound=tally.zeros_bound,
            exact=self._exact,
            message=" ".join(message.split())[:_LONGEST_MESSAGE],
            seconds=round(time.perf_counter() - self._started, 3),
        )


def _category(call: pytest.CallInfo[None], report: pytest.TestReport, tally: Tally) -> tuple[str, str]:
    if report.skipped:
        reason = getattr(report, "wasxfail", None)
        if reason is not None:
            return "skipped", f"expected to fail: {reason}"
        return "skipped", str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if call.excinfo is None:
        if tally.differing:
            return "nothing", "the suite expects the prediction to differ"
        if not tally.comparisons:
            return "nothing", "predicts, and compares no values" if tally.predictions else "predicts nothing"
        return "passed", f"beyond {BOUND}: {tally.bound:.3g} times" if tally.bound > 1 else ""
    message = f"{call.excinfo.typename}: {call.excinfo.value}"
    if _OTHER_FORMAT in message:
        return "skipped", "needs the neural-network format"
    if not tally.predictions and not tally.refused:
        return "unconverted", message
    if tally.differing and tally.half and tally.bound <= 1:
        return "rounding", message
    return "failed", message


def _name(item: pytest.Item, counts: Counter[str]) -> str:
    """File, class, function and parameters. Addresses in parameters differ from run to run and are left out; cases that
    are then called alike are numbered."""
    names = [part.name for part in item.listchain() if isinstance(part, pytest.Class | pytest.Function)]
    name = "::".join([f"{item.path.parent.name}/{item.path.stem}", *names])
    name = re.sub(r"0x[0-9a-f]{6,}", "0x", " ".join(name.split()))
    counts[name] += 1
    return name if counts[name] == 1 else f"{name}#{counts[name]}"


class _Limit:
    """Ends a case that takes too long, where the system has alarms."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds if hasattr(signal, "setitimer") else 0

    def __enter__(self) -> None:
        if self._seconds:
            signal.signal(signal.SIGALRM, self._expire)
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _expire(self, *_: object) -> None:
        raise TimeoutError(f"took more than {self._seconds} s")
