"""What is spread out only to meet a tensor of that size is met as it is.

    norm ── expand ── div(x, ·)    ──▶    norm ── div(x, ·)         (F.normalize writes its division so)

Pointwise operators broadcast by themselves; every value that they compute is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call, shape
from mobiledeploy.rewrite.pointwise import POINTWISE
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["DropExpands"]


class DropExpands:
    """Looks at every expand of which some reader is pointwise and has another operand of the whole size."""

    name: ClassVar[str] = "drop-expands"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        for node in program.graph.nodes:
            if is_call(node, aten.expand) and any(_broadcasts(user, node) for user in node.users):
                yield node

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:  # noqa: ARG002
        other = next((user for user in node.users if not _broadcasts(user, node)), None)
        if other is not None:
            return Refusal(f"{other.name} reads it at its whole size", node)
        return Match(node, None)

    def replace(self, program: Program, match: Match) -> None:  # noqa: ARG002
        source: Any = match.node.args[0]
        for user in list(match.node.users):
            user.replace_input_with(match.node, source)


def _broadcasts(user: fx.Node, node: fx.Node) -> bool:
    """Whether `user` gives the same with what `node` spreads out. A shape that has more axes in front counts, too."""
    if not is_call(user, *POINTWISE):
        return False
    others = [source for source in user.all_input_nodes if source is not node]
    return any(shape(source) == shape(user) for source in others)
