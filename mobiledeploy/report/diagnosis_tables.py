"""A diagnosis for the terminal: what diverges, what the values come to, what rounding costs, what to do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from mobiledeploy.report.plain_table import plain_row, plain_table
from mobiledeploy.report.tables import check_tables, mixture_table
from mobiledeploy.report.wording import decibels, short_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.records import Diagnosis, OperatorDiagnosis

__all__ = ["diagnosis_tables"]

_GOOD, _BAD, _FAINT = "green", "bold red", "dim"
_MANY = 0.01
"""The share of a value's elements from which on it is worth a line that float16 holds them with fewer bits."""


def diagnosis_tables(found: Diagnosis, top: int) -> tuple[RenderableType, ...]:
    """At most `top` operators in each table."""
    tables: list[RenderableType] = []
    if found.note is not None:
        tables.append(Text(found.note, "yellow"))
    tables += check_tables((found.parity,))
    tables += _divergence(found, top)
    tables += _ranges(found, top)
    tables += _costs(found, top)
    if found.mixed is not None and found.mixed.kept:
        tables.append(mixture_table(found.mixed))
    tables.append(Text(found.advice, _GOOD if found.parity.passed else _BAD))
    return tuple(tables)


def _divergence(found: Diagnosis, top: int) -> list[RenderableType]:
    worse = [row for row in found.operators if row.psnr_db < row.input_psnr_db]
    against = "the original" if found.original else "itself in float32"
    if not worse:
        return [Text(f"On {found.sample} no operator diverges from {against}.", _GOOD)]
    title = f"Divergence from {against} on {found.sample}: good values in and bad ones out first"
    table = plain_table("operator", "value", "PSNR in", "PSNR out", "from", title=title)
    for row in worse[:top]:
        turns = row.input_psnr_db >= found.parity.bar_db > row.psnr_db
        after = Text(decibels(row.psnr_db), _BAD if turns else "")
        plain_row(table, row.operator, _value(row), decibels(row.input_psnr_db), after, short_line(row.line))
    return [table, *_more(len(worse), top)]


def _ranges(found: Diagnosis, top: int) -> list[RenderableType]:
    """The largest values, and those of which float16 holds many with fewer bits."""
    known = sorted((row for row in found.operators if row.headroom is not None), key=_headroom)
    small = sorted((row for row in known if row.subnormal >= _MANY), key=lambda row: -row.subnormal)
    titles = {
        f"Values in float32 on {found.sample}, against float16's largest, 65504": known,
        "Values of which many are below 6.1e-5, where float16 loses bits": small,
    }
    tables: list[RenderableType] = []
    for title, rows in titles.items():
        if rows:
            columns = ("operator", "value", "largest", "headroom", "smallest", "below 6.1e-5", "from")
            table = plain_table(*columns, title=title)
            for row in rows[:top]:
                plain_row(table, *_range_cells(row))
            tables += [table, *_more(len(rows), top)]
    return tables


def _headroom(row: OperatorDiagnosis) -> float:
    return math.inf if row.headroom is None else row.headroom


def _range_cells(row: OperatorDiagnosis) -> tuple[str | Text, ...]:
    headroom = Text(f"{_headroom(row):.3g}x", _BAD if _headroom(row) < 1.0 else "")
    smallest = "-" if row.smallest is None else f"{row.smallest:.3g}"
    return (
        row.operator,
        _value(row),
        f"{row.largest:.4g}",
        headroom,
        smallest,
        f"{row.subnormal:.1%}",
        short_line(row.line),
    )


def _costs(found: Diagnosis, top: int) -> list[RenderableType]:
    """The operators whose own rounding harms the outputs most."""
    rows = sorted(
        (row for row in found.operators if row.rounding_db is not None and row.rounding_db < math.inf),
        key=lambda row: row.rounding_db or 0.0,
    )
    if not rows:
        return []
    title = (
        "What rounding costs: the outputs' PSNR if one operator's result and weights alone were in float16, estimated"
    )
    table = plain_table("operator", "value", "PSNR", "from", title=title)
    for row in rows[:top]:
        cost = "overflows" if row.rounding_db == -math.inf else decibels(row.rounding_db or 0.0)
        plain_row(table, row.operator, _value(row), cost, short_line(row.line))
    return [table, *_more(len(rows), top)]


def _more(count: int, top: int) -> list[RenderableType]:
    return [Text(f"and {count - top} more: --top {count} or --json", _FAINT)] if count > top else []


def _value(row: OperatorDiagnosis) -> str:
    """Its name without what coremltools adds to those in float16."""
    return row.output.replace("_cast_fp16", "")
