"""Sliding windows become slices, reshapes, gathers or one-hot convolutions, whichever cost least.

    im2col(x, k3 s2 p1) ── reshape                  ──▶  pad ── 3 slices ── stack ── 3 slices ── cat ── reshape
    unfold(x, 2, 3, 3) ── unfold(x, 3, 3, 3)        ──▶  reshape ── permute ── reshape
    unfold(x, 2, 11, 7) ── unfold(x, 3, 11, 7)      ──▶  2 slices ── stack ── 2 slices ── stack

Several `unfold`s in a row are windows of several axes; a permute and a reshape right behind only choose the order and
the shape in which the windows are laid out, and are taken in. Neither Core ML nor ONNX has such an operator, and
coremltools' own `im2col` is a dense one-hot convolution: C·C·k⁴ weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, replace_all_uses, shape
from mobiledeploy.rewrite.drafts import Building, Candidate, cheapest
from mobiledeploy.rewrite.rule import Match, Refusal
from mobiledeploy.rewrite.window_candidates import window_candidates
from mobiledeploy.rewrite.windows import Window, Windows, im2col_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Unfold"]


@dataclass(frozen=True)
class _Reading:
    """`last`, which is computed from `source` alone, has the windows that `windows` tells."""

    source: fx.Node
    last: fx.Node
    windows: Windows


@dataclass(frozen=True)
class _Plan:
    source: fx.Node
    candidate: Candidate
    like: fx.Node


class Unfold:
    """Looks at the last node that lays windows out. `Match.plan`: the cheapest way from their source to it."""

    name: ClassVar[str] = "unfold"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        found = [_laid_out(node) for node in program.graph.nodes if is_call(node, aten.im2col, aten.unfold)]
        yield from [reading.last for reading in found if reading is not None]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:  # noqa: ARG002
        first: Any = node
        while is_call(first, aten.permute, aten.reshape):
            first = first.args[0]
        reading = _laid_out(first) if is_call(first, aten.im2col, aten.unfold) else None
        if reading is None or reading.last is not node:
            return None
        candidates = window_candidates(reading.windows, reading.source)
        best = cheapest(candidates, [reading.source])
        return Match(node, _Plan(reading.source, best.candidate, first))

    def replace(self, program: Program, match: Match) -> None:
        plan: _Plan = match.plan
        with program.graph.inserting_before(match.node):
            made = plan.candidate.build(Building(program.graph_module, plan.like), [plan.source])
        replace_all_uses(match.node, made)


def _laid_out(node: fx.Node) -> _Reading | None:
    """The windows that end at `node`, with the permute and the reshape behind them that nobody else reads."""
    reading = _Reading(node.args[0], node, im2col_windows(node)) if is_call(node, aten.im2col) else _unfolds(node)  # type: ignore[arg-type]
    if reading is None:
        return None
    last, windows = reading.last, reading.windows
    follower = _only_user(last)
    while is_call(last, aten.unfold, aten.permute) and is_call(follower, aten.permute.default):
        assert follower is not None
        order = tuple(windows.order[axis] for axis in _axes(follower))
        last, windows = follower, Windows(windows.rank, windows.windows, order, shape(follower))
        follower = _only_user(last)
    if is_call(follower, aten.reshape.default):
        assert follower is not None
        last, windows = follower, Windows(windows.rank, windows.windows, windows.order, shape(follower))
    return _Reading(reading.source, last, windows)


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _axes(permute: fx.Node) -> list[int]:
    axes: Any = permute.args[1]
    return [axis % len(axes) for axis in axes]


def _unfolds(last: fx.Node) -> _Reading | None:
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
    return _Reading(source, last, Windows(rank(source), windows, order, shape(last)))


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
