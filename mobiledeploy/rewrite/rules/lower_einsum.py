"""An einsum becomes what it means: sums, one matrix product for each pair, multiplications.

    einsum("bhid,bhjd->bhij", q, k)   ──▶   q @ permute(k)
    einsum("ii->i", x)                ──▶   every (n+1)-th element
    einsum("i,j->ij", x, y)           ──▶   x * y, broadcast

The axes that both operands keep are the batch of the product, whatever their number; those of one operand alone are its
rows or columns; those that the output lacks are summed over, before the product where only one operand has them
(torch.einsum's documentation states the sum). Of several operands those are multiplied first that leave the fewest
multiply-accumulates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call
from mobiledeploy.rewrite.axes.redrawing import check_region, redraw
from mobiledeploy.rewrite.axes.region import regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.rule import Match, Refusal

__all__ = ["LowerEinsum"]


class LowerEinsum:
    """Looks at each einsum with the reshapes and permutes around it. `bound`: the largest rank of what takes its place.
    `Match.plan`: a Redrawing."""

    name: ClassVar[str] = "lower-einsum"
    kind: ClassVar[Literal["exact"]] = "exact"

    def __init__(self, bound: int = 5) -> None:
        self.bound = bound

    def find(self, program: Program) -> Iterator[fx.Node]:
        for region in regions(program.graph, _is_einsum):
            yield region[-1]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        return check_region(program, node, _is_einsum, self.bound)

    def replace(self, program: Program, match: Match) -> None:
        redraw(program, match.plan)


def _is_einsum(node: fx.Node) -> bool:
    return is_call(node, aten.einsum)
