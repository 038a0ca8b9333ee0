"""Parity reports as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from mobiledeploy.records import ParityReport

__all__ = ["parity_table"]


def parity_table(reports: Sequence[ParityReport]) -> Table:
    table = Table("package", "runner", "worst PSNR", "bar", "top-1", "result")
    for report in reports:
        ranked = [output.top1 for output in report.outputs if output.top1 is not None]
        agreement = f"{sum(ranked)} of {len(ranked)}" if ranked else "-"
        verdict = "[green]equal[/green]" if report.passed else "[red]differs[/red]"
        psnr, bar = f"{report.psnr_db:.1f} dB", f"{report.bar_db:.0f} dB"
        table.add_row(report.artifact, report.runner, psnr, bar, agreement, verdict)
    return table
