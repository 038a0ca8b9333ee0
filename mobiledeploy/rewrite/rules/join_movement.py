"""Permutes with nothing but reshapes between them are joined, and what undoes itself across an operator disappears.

    reshape ── permute ── reshape ── permute ── reshape   ──▶   reshape ── permute ── reshape
    permute ── tanh ── reshape ── permute back            ──▶   tanh

MobileViT takes its feature map apart in two permutes; both together are one order of the same axes. Moving elements
changes none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call
from mobiledeploy.rewrite.axes.redrawing import Redrawing, check_region, redraw
from mobiledeploy.rewrite.axes.region import largest_rank, regions
from mobiledeploy.rewrite.axes.table import REGROUPINGS
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["JoinMovement"]


class JoinMovement:
    """Looks at permutes behind permutes, with the reshapes around them. `bound`: the largest rank of what takes their
    place. `Match.plan`: a Redrawing that costs less and has no more operators."""

    name: ClassVar[str] = "join-movement"
    kind: ClassVar[Literal["exact"]] = "exact"

    def __init__(self, bound: int = 5) -> None:
        self.bound = bound

    def find(self, program: Program) -> Iterator[fx.Node]:
        for region in regions(program.graph, self._is_core):
            yield region[-1]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        found = check_region(program, node, self._is_core, self.bound)
        if not isinstance(found, Match):
            return found
        redrawing: Redrawing = found.plan
        if redrawing.growth >= 0 or redrawing.operators > 0:
            return Refusal("in one order it would cost no less", node)
        return found

    def replace(self, program: Program, match: Match) -> None:
        redraw(program, match.plan)

    def _is_core(self, node: fx.Node) -> bool:
        """A permute behind a permute; values of too many axes are another rule's."""
        if not is_call(node, aten.permute.default):
            return False
        behind: Any = node.args[0]
        while behind.target in REGROUPINGS and largest_rank(behind) <= self.bound:
            if is_call(behind, aten.permute.default):
                return largest_rank(node) <= self.bound
            behind = behind.args[0]
        return False
