"""The one look of our tables. A text is shown literally: a `[` in it is no markup."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

__all__ = ["plain_row", "plain_table"]

_FAINT = "dim"


def plain_table(*columns: str, title: str) -> Table:
    table = Table(title=Text(title, "bold"), title_justify="left", header_style=_FAINT, box=SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    for column in columns:
        # folded, not cut: half a file name or rule name is none
        table.add_column(column, overflow="fold")
    return table


def plain_row(table: Table, *cells: str | Text) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
