"""What became of one model in a sweep: a line of a results file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mobiledeploy.records.artifact import ExportOptions
from mobiledeploy.records.rewrite import GraphCost

__all__ = ["OutcomeName", "ReasonName", "SweepRecord", "SweepTask"]

OutcomeName = Literal["passed", "refused", "unequal", "failed"]
ReasonName = Literal["input", "capture", "rewrite", "convert", "parity", "host", "memory", "timeout", "crash", "bug"]


@dataclass(frozen=True)
class SweepTask:
    """One model to be exported for one target: `options.targets` has exactly that one. `files`: SHA-256 of the local
    files that decide the result (the factory's file, a `.pt2`, a checkpoint), by the path as it was given."""

    schema: ClassVar[str] = "mobiledeploy.sweep-task/1"

    model: str
    options: ExportOptions
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.options.targets[0]


@dataclass(frozen=True)
class SweepRecord:
    """The outcome of one `SweepTask`, in a process of its own.

    `outcome`: passed (converted and equal to the original), refused (with a reason, exit code 3), unequal (exit code 4)
    or failed (anything else). `reason`: why it did not pass, as `mobiledeploy.sweep.reasons` tells them apart; None of
    one that passed. `stage`: of the export, where it ended. `error`: the exception's class, `message`, `where`,
    `remedy`: its parts. `operator`, `line`: the ATen or package operator and the PyTorch source line that it names.

    `before`, `after`: of the captured and the rewritten graph. `weight_before`, `weight_after`: both by the cost model,
    in multiply-accumulates (`aten.cost.weigh`). `dearer`: rules whose runs made the graph dearer by it. `max_rank`: the
    largest rank of any value in the package, None where its format does not declare ranks. `psnr_db`: the worst over
    outputs and samples. `top1`: the share of rankings whose best class is the original's, None without any ranking.

    `seconds`: wall clock by stage; `total_seconds`: from the start of the process to its end, loading of libraries
    included. `peak_mebibytes`: of resident memory. `conditions`: of the machine. `finished`: UTC, ISO 8601.
    """

    schema: ClassVar[str] = "mobiledeploy.sweep/1"

    model: str
    target: str
    options: ExportOptions
    outcome: OutcomeName
    finished: str
    files: Mapping[str, str] = field(default_factory=dict)
    reason: ReasonName | None = None
    stage: str | None = None
    error: str | None = None
    message: str | None = None
    where: str | None = None
    remedy: str | None = None
    operator: str | None = None
    line: str | None = None
    parameters: int | None = None
    weights: str | None = None
    before: GraphCost | None = None
    after: GraphCost | None = None
    weight_before: float | None = None
    weight_after: float | None = None
    dearer: tuple[str, ...] = ()
    max_rank: int | None = None
    psnr_db: float | None = None
    top1: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    peak_mebibytes: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def task(self) -> SweepTask:
        return SweepTask(self.model, self.options, self.files)
