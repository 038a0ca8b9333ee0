"""Which windows of which tensor the nodes of a graph lay out.

    unfold(x, 2, 3, 1) ── unfold(x, 3, 3, 1) ── permute ── reshape      windows of axes 2 and 3, in that order and shape

What is behind the windows is taken in as long as nobody else reads what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, shape
from mobiledeploy.rewrite.windows import Window, Windows, im2col_windows

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.layout import Axes

__all__ = ["Reading", "windows_of"]


@dataclass(frozen=True)
class Reading:
    """`last`, which is computed from `source` alone, has the windows that `windows` tells. `axes`: the labels on each
    axis, before a last reshape."""

    source: fx.Node
    last: fx.Node
    windows: Windows
    axes: Axes


def windows_of(node: fx.Node) -> Reading | None:
    """The windows that end at `node`, with the permutes and the reshape behind them that nobody else reads."""
    reading = _im2col(node) if is_call(node, aten.im2col) else _unfolds(node)
    if reading is None:
        return None
    last, windows, axes = reading.last, reading.windows, reading.axes
    follower = _only_user(last)
    while is_call(follower, aten.permute.default):
        assert follower is not None
        axes = tuple(axes[axis] for axis in _axes(follower))
        last, follower = follower, _only_user(follower)
    if is_call(follower, aten.reshape.default):
        assert follower is not None
        last = follower
    order = tuple(label for axis in axes for label in axis)
    return Reading(reading.source, last, replace(windows, order=order, shape=shape(last)), axes)


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _axes(permute: fx.Node) -> list[int]:
    axes: Any = permute.args[1]
    return [axis % len(axes) for axis in axes]


def _im2col(node: fx.Node) -> Reading:
    source: Any = node.args[0]
    windows = im2col_windows(node)
    *batch, channels, row, column = range(windows.rank)
    columns = (channels, windows.rank + row, windows.rank + column)
    return Reading(source, node, windows, (*((axis,) for axis in batch), columns, (row, column)))


def _unfolds(last: fx.Node) -> Reading | None:
    """The row of unfolds of distinct axes that ends at `last`; None inside a row, and where there are no axes."""
    follower = _only_user(last)
    if follower is not None and is_call(follower, aten.unfold) and last in _row(follower):
        return None
    row = _row(last)
    source: Any = row[0].args[0]
    if rank(source) == 0:
        return None
    windows = tuple(Window(_axis(node), *_extent(node)) for node in row)
    order = (*range(rank(source)), *(rank(source) + window.axis for window in windows))
    axes = tuple((label,) for label in order)
    return Reading(source, last, Windows(rank(source), windows, order, shape(last)), axes)


def _row(last: fx.Node) -> list[fx.Node]:
    """Unfolds of distinct axes of one tensor, each read by the next alone."""
    row = [last]
    while True:
        previous: Any = row[0].args[0]
        if not is_call(previous, aten.unfold) or len(previous.users) > 1:
            return row
        axes = [_axis(node) for node in (previous, *row)]
        if len(set(axes)) < len(axes) or max(axes) >= rank(previous.args[0]):
            return row
        row = [previous, *row]


def _axis(unfold: fx.Node) -> int:
    axis: Any = unfold.args[1]
    return int(axis) % max(rank(unfold.args[0]), 1)


def _extent(unfold: fx.Node) -> tuple[int, int]:
    size, step = arguments(unfold)[2:]
    return int(size), int(step)
