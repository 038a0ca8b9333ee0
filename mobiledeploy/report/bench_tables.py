"""What a benchmark measured, for the terminal: a report per model and device, a row per compute unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mobiledeploy.report.wording import decibels, ranking_word, size_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.records import BenchmarkSummary, PublishedLatency, UnitSummary

__all__ = ["bench_tables", "result_list"]

_SHOWN = 4
_UNITS = {"cpuOnly": "CPU", "cpuAndGPU": "CPU+GPU", "cpuAndNeuralEngine": "CPU+NE", "all": "all"}
_DEVICES = {"neuralEngine": "NE", "gpu": "GPU", "cpu": "CPU"}


def bench_tables(summaries: Sequence[BenchmarkSummary]) -> tuple[RenderableType, ...]:
    """Latencies, loads, parity and placement of every report, its validity with reasons, warnings, and what others
    published of the same architecture on the same chip."""
    return tuple(table for summary in summaries for table in _one(summary))


def result_list(summaries: Iterable[BenchmarkSummary]) -> Table:
    """One row per report, called by the beginning of its id that no other one of them has; times to the minute. Where
    none has a size, there is no such column; the kind is the title where all have the same, and it is not real."""
    listed = list(summaries)
    shown = _enough([summary.report for summary in listed])
    columns: dict[str, list[Text] | list[str]] = {
        "result": [summary.report[:shown] for summary in listed],
        "model": [summary.model for summary in listed],
        "size": [size_text(summary.size) if summary.size else "" for summary in listed],
        "device": [summary.device.name or summary.device.hardware for summary in listed],
        "kind": [str(summary.standing) for summary in listed],
        "started": [summary.started[:16].replace("T", " ") for summary in listed],
        "median": [_ms(min(_medians(summary), default=None)) for summary in listed],
        "valid": [_valid(summary) for summary in listed],
    }
    kinds = {summary.standing for summary in listed}
    left_out = {"size"} if not any(columns["size"]) else set()
    left_out |= {"kind"} if len(kinds) == 1 else set()
    kept = {name: cells for name, cells in columns.items() if name not in left_out}
    title = _NOT_REAL[listed[0].standing] if len(kinds) == 1 and kinds != {"real"} else None
    table = _table(*kept, title=title)
    for column in table.columns:
        column.no_wrap = column.header in ("result", "started", "median", "valid")
    for cells in zip(*kept.values(), strict=True):
        _row(table, *cells)
    return table


def _medians(summary: BenchmarkSummary) -> list[float]:
    """Of its compute units, in ms: the lowest is the best."""
    return [unit.median_ms for unit in summary.units if unit.median_ms is not None]


def _enough(names: Sequence[str]) -> int:
    """So many characters, eight at least, tell all of them apart."""
    lengths = range(8, max(map(len, names), default=8))
    return next((count for count in lengths if len({name[:count] for name in names}) == len(set(names))), 10**6)


def _one(summary: BenchmarkSummary) -> Iterator[RenderableType]:
    device = summary.device
    yield Text.assemble(
        ("\n" + summary.model + (f" at {size_text(summary.size)}" if summary.size else ""), "bold"),
        f" on {device.name or device.hardware} ({device.hardware}, {device.system} {device.system_version})",
    )
    if summary.standing != "real":
        yield Panel(Text(_NOT_REAL[summary.standing]), title=summary.standing, border_style="yellow", expand=False)
    yield _latencies(summary)
    yield _proof(summary)
    yield from _parity_notes(summary)
    yield _verdict(summary)
    for unit in summary.units:
        if unit.failure is not None:
            yield Text(f"{_UNITS[unit.compute_units]} failed ({unit.failure.phase}): {unit.failure.message}", "red")
        for warning in unit.warnings:
            yield Text(f"{_UNITS[unit.compute_units]}: {warning}", "yellow")
    published = [(unit, each) for unit in summary.units for each in unit.published[:_SHOWN]]
    if published:
        yield _published(published)


_NOT_REAL = {
    "simulated": "No phone has measured this: the figures say nothing of any device's speed.",
    "simulator": "Xcode's simulator is no phone: the figures say nothing of any device's speed.",
    "debug": "A debug build has measured this: build the app for release before quoting it.",
}


def _latencies(summary: BenchmarkSummary) -> Table:
    table = _table("ms", "median", "p90", "lowest", "ModelBench", "cold load", "cached", "first")
    for unit in summary.units:
        figures = {figure.protocol: figure.milliseconds for figure in unit.figures}
        _row(
            table,
            _UNITS[unit.compute_units],
            _ms(unit.median_ms),
            _ms(unit.p90_ms),
            _ms(unit.lowest_ms),
            _ms(figures.get("modelbench")),
            _ms(unit.cold_load_ms),
            _ms(unit.cached_load_ms),
            _ms(unit.first_prediction_ms),
        )
    return table


def _proof(summary: BenchmarkSummary) -> Table:
    table = _table("", "95% of median", "parity", "top-1", "operators", "samples")
    for unit in summary.units:
        interval = f"{_ms(unit.interval.low_ms)}..{_ms(unit.interval.high_ms)}" if unit.interval else "-"
        shares = ", ".join(f"{_DEVICES.get(name, name)} {share:.0%}" for name, share in unit.operators.items()) or "-"
        _row(table, _UNITS[unit.compute_units], interval, *_parity(unit), shares, str(unit.samples))
    return table


def _parity_notes(summary: BenchmarkSummary) -> Iterator[Text]:
    """What parity is against, where that is not the original model; and why there is none."""
    if summary.parity_against == "package" and any(unit.parity is not None for unit in summary.units):
        yield Text(_AGAINST_ITSELF)
    for reason in dict.fromkeys(unit.parity_reason for unit in summary.units if unit.parity_reason):
        yield Text(f"no parity: {reason}", "yellow")


_AGAINST_ITSELF = (
    "parity: against the package's own program, executed here in float32; no original model is known, so what the "
    "conversion changed does not show"
)


def _parity(unit: UnitSummary) -> tuple[Text | str, str]:
    if unit.parity is None:
        return "-", "-"
    worst = min(unit.parity, key=lambda each: (each.passed, each.psnr_db))
    words = {ranking_word(each) for each in unit.parity} - {"-"}
    agreement = "differs" if "differs" in words else ", ".join(sorted(words)) or "-"
    return Text(decibels(worst.psnr_db), "green" if worst.passed else "bold red"), agreement


def _verdict(summary: BenchmarkSummary) -> Text:
    if summary.validity.valid:
        return Text("valid", "green")
    return Text("NOT valid: " + "; ".join(summary.validity.reasons), "bold red")


def _valid(summary: BenchmarkSummary) -> Text:
    return Text("yes", "green") if summary.validity.valid else Text("no", "red")


def _published(rows: Sequence[tuple[UnitSummary, PublishedLatency]]) -> Table:
    table = _table("beside", "ms", "device", "unit", "px", "source", title="Published by others, same chip")
    for unit, each in rows:
        source = f"{each.source} [{each.seen}]"
        latency = f"{each.latency_ms:g}"
        _row(table, _UNITS[unit.compute_units], latency, each.device, each.compute_units, each.resolution, source)
    return table


def _ms(value: float | None) -> str:
    """Three significant digits."""
    if value is None:
        return "-"
    digits = next((digits for bound, digits in ((1, 3), (10, 2), (100, 1)) if value < bound), 0)
    return f"{value:.{digits}f}"


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 or column in _TEXTS else "right", overflow="fold")
    return table


_TEXTS = {"model", "size", "device", "kind", "started", "operators", "source", "unit", "valid", "top-1"}


def _row(table: Table, *cells: Text | str) -> None:
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
