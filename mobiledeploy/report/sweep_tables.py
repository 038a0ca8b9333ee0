"""What a sweep found, for the terminal: outcomes by reason, the least exact, and every failure with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from mobiledeploy.report.wording import decibels

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.records.sweep import SweepRecord

__all__ = ["status_table", "summary", "sweep_tables"]

_GOOD, _BAD, _FAINT = "green", "bold red", "dim"
_LEAST_EXACT = 5


def sweep_tables(records: Sequence[SweepRecord]) -> tuple[RenderableType, ...]:
    """One row per outcome and reason; the least exact of those that passed; every one that did not, with operator and
    source line."""
    tables: list[RenderableType] = [_outcome_table(records)]
    passed = [record for record in records if record.outcome == "passed"]
    failed = [record for record in records if record.outcome != "passed"]
    if passed:
        tables.append(_exactness_table(passed))
    if failed:
        tables.extend(_failures(failed))
    return tuple(tables)


def summary(records: Sequence[SweepRecord]) -> dict[str, int]:
    """How many passed, and how many did not for each reason, the most frequent first."""
    return dict(Counter(record.reason or "passed" for record in records).most_common())


def status_table(rows: Sequence[tuple[str, SweepRecord | None]]) -> Table:
    """One row per name and record; a name without any has never been tried."""
    table = _table("model", "package", "outcome", *_FIGURES, title=None)
    for name, record in rows:
        if record is None:
            _row(table, name, "", Text("never tried", _FAINT), *("" for _ in _FIGURES))
        else:
            _row(table, name, _package(record), _verdict(record), *_figures(record))
    return table


def _outcome_table(records: Sequence[SweepRecord]) -> Table:
    table = _table("outcome", "reason", "models", title=f"{len(records)} models")
    counts = Counter((record.outcome, record.reason) for record in records)
    for (outcome, reason), count in counts.most_common():
        _row(table, Text(outcome, _GOOD if outcome == "passed" else _BAD), reason or "", str(count))
    return table


def _exactness_table(passed: Sequence[SweepRecord]) -> Table:
    ranked = sorted(passed, key=lambda record: record.psnr_db if record.psnr_db is not None else 0.0)
    table = _table("model", "package", *_FIGURES, title="Least exact")
    for record in ranked[:_LEAST_EXACT]:
        _row(table, record.model, _package(record), *_figures(record))
    return table


def _failures(failed: Sequence[SweepRecord]) -> Iterator[Text]:
    """A paragraph each: a table would fold messages and paths into columns a few letters wide."""
    yield Text("Did not pass\n", "bold")
    for record in failed:
        place = " at ".join(part for part in (record.operator, record.line) if part)
        yield Text.assemble(
            f"{record.model}  {_package(record)}  ",
            (record.reason or record.outcome, _BAD),
            f"{'  ' + place if place else ''}\n  {record.message or 'no message'}\n",
        )


def _verdict(record: SweepRecord) -> Text:
    if record.outcome == "passed":
        return Text("passed", _GOOD)
    place = f" at {record.operator}" if record.operator else ""
    return Text(f"{record.outcome}: {record.reason}{place}", _BAD)


def _package(record: SweepRecord) -> str:
    size = record.options.resolution
    return f"{record.target} {record.options.precision}{'' if size is None else f' {size[0]}x{size[1]}'}"


_FIGURES = ("PSNR", "operators", "rank", "seconds")
# So that a long name takes lines and not the room of the figures.
_WIDTHS = {"package": 7, "outcome": 7, "PSNR": 8, "operators": 11, "seconds": 7}


def _figures(record: SweepRecord) -> tuple[str, str, str, str]:
    psnr = "-" if record.psnr_db is None else decibels(record.psnr_db)
    rank = "-" if record.max_rank is None else str(record.max_rank)
    graphs = record.before is not None and record.after is not None
    operators = f"{record.before.operators} → {record.after.operators}" if graphs else "-"  # type: ignore[union-attr]
    return psnr, operators, rank, f"{record.total_seconds:.1f}"


def _table(*columns: str, title: str | None) -> Table:
    heading = None if title is None else Text(title, "bold")
    table = Table(title=heading, title_justify="left", header_style=_FAINT, box=SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    for column in columns:
        # folded, not cut: half a model's name is none
        table.add_column(column, overflow="fold", min_width=_WIDTHS.get(column))
    return table


def _row(table: Table, *cells: str | Text) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
