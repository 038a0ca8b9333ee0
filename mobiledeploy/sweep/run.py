"""A sweep: what is not done yet is tried, and each result is on the disk before the next is looked at."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.sweep.attempt import Limits
from mobiledeploy.sweep.conditions import versions
from mobiledeploy.sweep.engines import Engine, attempts
from mobiledeploy.sweep.results import append, latest, prepare_results, read_results, task_key

if TYPE_CHECKING:
    from mobiledeploy.records.sweep import SweepRecord, SweepTask

__all__ = ["Retry", "SweepResult", "sweep"]

Retry = Literal["none", "failed", "all"]


@dataclass(frozen=True)
class SweepResult:
    """`records`: one per task, in the order of the tasks. `tried`: how many of them were made now."""

    records: tuple[SweepRecord, ...]
    tried: int


def sweep(
    tasks: Sequence[SweepTask],
    *,
    results: Path,
    engine: Engine | None = None,
    limits: Limits | None = None,
    retry: Retry = "none",
    progress: Progress = SILENT,
) -> SweepResult:
    """Tries every task that `results` has no record of with these versions, and appends what comes out.

    `retry`: "failed" tries again what did not pass, "all" everything. On this machine each attempt gets its share of
    the cores, unless the environment or `limits.threads` says how many threads it may have.

    Raises InputError or OutputError for the results file, InputError or HostError for the engine. An interrupt leaves
    the records that were done in the file.
    """
    engine = engine or Engine()
    known = latest(read_results(results, progress=progress))
    prepare_results(results)
    due = [task for task in tasks if _is_due(known.get(task_key(task)), retry)]
    if len(due) < len(tasks):
        progress.note(f"{len(tasks) - len(due)} of {len(tasks)} are done already, in {results}.")
    if due:
        progress.step(f"Sweeping {len(due)} model{'s' * (len(due) != 1)}{_place(engine)}")
        known |= _attempted(due, results, engine, _shared(limits or Limits(), engine), progress)
    return SweepResult(tuple(known[task_key(task)] for task in tasks), len(due))


def _is_due(record: SweepRecord | None, retry: Retry) -> bool:
    if record is None or retry == "all" or record.versions != versions():
        return True
    return retry == "failed" and record.outcome != "passed"


def _shared(limits: Limits, engine: Engine) -> Limits:
    """Threads that N attempts together have fewer cores for only wait for each other. Engines say themselves how many
    a worker may have (Dask's sets OMP_NUM_THREADS to 1), and their workers stand in folders of their own."""
    if engine.name != "local":
        return replace(limits, folder=limits.folder or Path.cwd())
    if limits.threads is not None:
        return limits
    return replace(limits, threads=max(1, (os.cpu_count() or 1) // engine.jobs))


def _place(engine: Engine) -> str:
    if engine.name == "local":
        return f", {engine.jobs} at a time" if engine.jobs > 1 else ""
    return f" on {engine.name}{f' at {engine.address}' if engine.address else ''}"


def _attempted(
    due: Sequence[SweepTask], results: Path, engine: Engine, limits: Limits, progress: Progress
) -> dict[str, SweepRecord]:
    done: dict[str, SweepRecord] = {}
    counts: Counter[str] = Counter()
    with attempts(engine, due, limits) as records:
        for record in records:
            append(results, record)
            done[task_key(record.task)] = record
            counts[record.outcome] += 1
            progress.note(f"[{len(done)}/{len(due)}] {_said(record)}  ({_counted(counts)})")
    return done


def _said(record: SweepRecord) -> str:
    head = f"{record.model} {record.target} {record.options.precision}: {record.outcome}"
    psnr = "" if record.psnr_db is None else f", {record.psnr_db:.1f} dB"
    why = "" if record.reason is None else f" ({record.reason}) {record.message}"
    return f"{head}{psnr}, {record.total_seconds:.1f} s{why}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
