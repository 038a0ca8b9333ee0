"""The jobs that wait or run, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from mobiledeploy.server.queue import JobState

__all__ = ["jobs_as_table"]

_KINDS = {None: "any device", "*real": "a phone or Mac", "*simulated": "a simulated phone"}


def jobs_as_table(states: Iterable[JobState], names: Mapping[str, str]) -> Table:
    """A row per job, in the order in which they are given out. `names`: of devices, by id."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("job", "model", "state", "device", "tries", "why"):
        table.add_column(column, justify="right" if column == "tries" else "left", overflow="fold")
    table.columns[0].no_wrap = True
    for state in states:
        times = str(state.attempt) if state.attempt else ""
        cells = (
            state.id,
            state.name.removesuffix(".mlpackage"),
            state.state,
            _device(state, names),
            times,
            state.reason or "",
        )
        table.add_row(*map(Text, cells))
    return table


def _device(state: JobState, names: Mapping[str, str]) -> str:
    if state.state == "running" and state.device is not None:
        return names.get(state.device, state.device)
    return _KINDS.get(state.wanted) or names.get(str(state.wanted), str(state.wanted))
