"""The process of one attempt: `python -m mobiledeploy.sweep.child FOLDER OUTPUT [MEBIBYTES]`.

The task comes as one line of JSON on standard input, and the record goes to a file in FOLDER, which is a temporary one.
Standard input stays open as long as whoever asked is alive; when it ends, so do this process and FOLDER.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.records import codec
from mobiledeploy.records.sweep import SweepRecord, SweepTask
from mobiledeploy.sweep.conditions import conditions, now, versions
from mobiledeploy.sweep.files import ANSWER, STAGE
from mobiledeploy.sweep.reasons import location, outcome_of, portable, reason_of

if TYPE_CHECKING:
    from mobiledeploy.pipeline import ExportResult
    from mobiledeploy.pipeline.stages import Stages

__all__ = ["main", "measured"]


def main() -> None:
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    task = codec.loads(SweepTask, sys.stdin.buffer.readline().decode(), where="standard input")
    threading.Thread(target=_leave_with_the_other_end, args=(folder,), daemon=True).start()
    if len(sys.argv) > 3:
        _allow_memory(int(sys.argv[3]))
    record = measured(task, output, (folder / STAGE).write_text)
    partial = folder / f"{ANSWER}.partial"
    partial.write_text(codec.dumps(record), encoding="utf-8")
    partial.replace(folder / ANSWER)
    # Taking torch apart takes most of a second, and there is nothing left to be written.
    os._exit(0)


def _leave_with_the_other_end(folder: Path) -> None:
    """Nobody waits any more once standard input ends: a killed sweep leaves no process and no folder behind."""
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _allow_memory(mebibytes: int) -> None:
    """Allocations beyond it fail, as exceptions. Linux counts private writable memory for this (getrlimit(2),
    RLIMIT_DATA, since 4.7); other systems may not."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (mebibytes * 2**20, hard))


def measured(task: SweepTask, output: Path, entered: Callable[[str], object]) -> SweepRecord:
    """The task's export into `output`, as a record; whatever it raises is in there. `entered` hears of each stage."""
    entered("loading")
    from mobiledeploy.pipeline.exporting import export
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.progress import SILENT

    stages = Stages(SILENT, entered=entered)
    try:
        result = export(task.model, output=output, options=task.options, stages=stages)
        return _passed(task, result)
    # the model is anybody's code
    except (Exception, SystemExit) as error:
        return _failed(task, error, stages)


def _passed(task: SweepTask, result: ExportResult) -> SweepRecord:
    from mobiledeploy.aten.cost import weigh
    from mobiledeploy.sweep.rank import max_rank

    log, (report,) = result.manifest.rewrite, result.proof.parity
    rankings = [output.top1 for output in report.outputs if output.top1 is not None]
    return SweepRecord(
        model=task.model,
        target=task.target,
        options=task.options,
        files=task.files,
        outcome="passed",
        finished=now(),
        parameters=result.manifest.source.parameters,
        weights=result.manifest.source.weights.kind,
        before=log.before,
        after=log.after,
        weight_before=weigh(log.before),
        weight_after=weigh(log.after),
        dearer=tuple(rule.rule for rule in log.rules if weigh(rule.after) > weigh(rule.before)),
        max_rank=max_rank(result.folder / report.artifact),
        psnr_db=report.psnr_db,
        top1=sum(rankings) / len(rankings) if rankings else None,
        seconds=_rounded(result.seconds),
        versions=versions(),
        conditions=conditions(),
    )


def _failed(task: SweepTask, error: BaseException, stages: Stages) -> SweepRecord:
    reason = reason_of(error, stages.current)
    operator, line = location(error)
    return SweepRecord(
        model=task.model,
        target=task.target,
        options=task.options,
        files=task.files,
        outcome=outcome_of(reason),
        finished=now(),
        reason=reason,
        stage=stages.current,
        error=type(error).__name__,
        message=portable(getattr(error, "what", None) or " ".join(str(error).split()) or type(error).__name__),
        where=portable(getattr(error, "where", None)),
        remedy=getattr(error, "remedy", None),
        operator=operator,
        line=line,
        psnr_db=getattr(error, "psnr_db", None),
        seconds=_rounded(stages.seconds),
        versions=versions(),
        conditions=conditions(),
    )


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(value, 3) for stage, value in seconds.items()}


if __name__ == "__main__":
    main()
