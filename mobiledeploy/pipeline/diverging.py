"""A failed parity report completed by the operator where it first went wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.records import ParityReport

__all__ = ["with_divergence"]


def with_divergence(
    report: ParityReport,
    package: Path,
    reference: Reference,
    program: Program | None = None,
    function: str | None = None,
) -> ParityReport:
    """`report` with its first diverging operator, found on the sample that failed worst.

    With the rewritten `program` at hand the package is held against it, and the operator gets its PyTorch line;
    without, the package at its declared precision is held against itself at float32. Only our own executor shows its
    operators: another runner's report comes back as it is.
    """
    if report.runner != "mil" or all(output.passed for output in report.outputs):
        return report
    from mobiledeploy.parity.divergence import first_divergence, first_rounding_divergence

    sample = _worst(report, reference)
    if program is None:
        found = first_rounding_divergence(package, sample, bar_db=report.bar_db, function=function)
    else:
        found = first_divergence(package, program, sample, bar_db=report.bar_db, function=function)
    return replace(report, divergence=found)


def _worst(report: ParityReport, reference: Reference) -> Sample:
    failed = [output for output in report.outputs if not output.passed]
    worst = min(failed, key=lambda output: -math.inf if math.isnan(output.psnr_db) else output.psnr_db)
    return next(sample for sample in reference.samples if sample.name == worst.input)
