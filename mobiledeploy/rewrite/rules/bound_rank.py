"""No value has more axes than the targets can take.

    reshape (B,h,7,w,7,C) ── permute ── reshape (B·h·w,49,C)   ──▶   reshape (h,7,w,7·C) ── permute ── reshape

Core ML's tensors have at most five axes. A value of more is never made: it is carried by one of few axes in which
neighbours that stay together are one axis. Whatever stands between two reshapes (elementwise operators, reductions,
softmax, slices, `unbind`, matrix products, several readers) is computed on the carrier as it lies in memory; only where
an ordinary value is read is the memory brought into its order, by the fewest permutes. Moving axes changes no value,
and a sum over axes does not depend on how they are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.rewrite.axes.redrawing import check_region, redraw
from mobiledeploy.rewrite.axes.region import largest_rank, regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.rule import Match, Refusal

__all__ = ["BoundRank"]

# "ML programs: rank 5 is the most" (coremltools, `ct.convert`, "Core ML only supports tensors with rank <= 5").
MOST_AXES = 5


class BoundRank:
    """Looks at each connected region of values with more than `bound` axes. `Match.plan`: a
    Redrawing."""

    name: ClassVar[str] = "bound-rank"
    kind: ClassVar[Literal["exact"]] = "exact"

    def __init__(self, bound: int = MOST_AXES) -> None:
        self.bound = bound

    def find(self, program: Program) -> Iterator[fx.Node]:
        for region in regions(program.graph, self._is_core):
            yield region[-1]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        return check_region(program, node, self._is_core, self.bound)

    def replace(self, program: Program, match: Match) -> None:
        redraw(program, match.plan)

    def _is_core(self, node: fx.Node) -> bool:
        """It makes or reads such a value; constants are laid out anew by those who read them, and computed once."""
        read = [source for source in node.all_input_nodes if source.op != "get_attr"]
        return max(map(largest_rank, (node, *read))) > self.bound
