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

from mobiledeploy.aten.graph import aten, is_call, replace_all_uses
from mobiledeploy.rewrite.drafts import Building, Candidate, cheapest
from mobiledeploy.rewrite.rule import Match, Refusal
from mobiledeploy.rewrite.window_candidates import window_candidates
from mobiledeploy.rewrite.window_reading import windows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Unfold"]


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
        found = [windows_of(node) for node in program.graph.nodes if is_call(node, aten.im2col, aten.unfold)]
        yield from [reading.last for reading in found if reading is not None]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:  # noqa: ARG002
        first: Any = node
        while is_call(first, aten.permute, aten.reshape):
            first = first.args[0]
        reading = windows_of(first) if is_call(first, aten.im2col, aten.unfold) else None
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
