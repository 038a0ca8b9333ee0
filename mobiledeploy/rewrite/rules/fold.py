"""Blocks that are summed into a picture become reshapes, shifted sums or one-hot transposed convolutions, whichever
cost least.

    col2im(x, (28, 28), k3 s2 p1)  ──▶  reshape ── conv_transpose2d
    col2im(x, (32, 32), k2 s2)     ──▶  reshape ── pixel_shuffle

coremltools refuses `col2im` where the blocks overlap, are dilated or leave a rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call, replace_all_uses
from mobiledeploy.rewrite.drafts import Building, Candidate, cheapest
from mobiledeploy.rewrite.fold_candidates import col2im_blocks, fold_candidates
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Fold"]


class Fold:
    """Looks at every `col2im`. `Match.plan`: the cheapest way to compute it."""

    name: ClassVar[str] = "fold"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [node for node in program.graph.nodes if is_call(node, aten.col2im)]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:  # noqa: ARG002
        best = cheapest(fold_candidates(col2im_blocks(node)), [node.args[0]])  # type: ignore[list-item]
        return Match(node, best.candidate)

    def replace(self, program: Program, match: Match) -> None:
        candidate: Candidate = match.plan
        with program.graph.inserting_before(match.node):
            made = candidate.build(Building(program.graph_module, match.node), [match.node.args[0]])  # type: ignore[list-item]
        replace_all_uses(match.node, made)
