"""Movement of data that undoes itself, or that one operator can do, disappears.

    reshape ── reshape ──▶ reshape          permute ── permute ──▶ permute          reshape to the same shape ──▶

What is left of LeViT's `bn(linear(x).flatten(0, 1)).reshape_as(x)` once the BatchNorm is folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.graph import aten, call, is_call, replace_all_uses, shape
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["CancelMovement"]

_MOVEMENTS = (aten.reshape.default, aten.permute.default)


class CancelMovement:
    """Looks at reshapes behind reshapes and permutes behind permutes. `Match.plan`: the source and the one operator's
    argument, None where the source itself will do."""

    name: ClassVar[str] = "cancel-movement"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        for node in program.graph.nodes:
            if is_call(node, *_MOVEMENTS) and (_is_nothing(node.args[0], node) or is_call(node.args[0], node.target)):
                yield node

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:  # noqa: ARG002
        first: Any = node.args[0]
        if _is_nothing(first, node):
            return Match(node, (first, None))
        if not is_call(first, node.target):
            return None
        source = first.args[0]
        argument: Any = node.args[1]
        if is_call(node, aten.permute.default):
            argument = [first.args[1][axis] for axis in argument]
        nothing = shape(source) == shape(node) if is_call(node, aten.reshape.default) else _in_order(argument)
        if nothing:
            return Match(node, (source, None))
        if len(first.users) > 1:
            return Refusal("what the first one gives is also read elsewhere", node)
        return Match(node, (source, argument))

    def replace(self, program: Program, match: Match) -> None:
        source, argument = match.plan
        if argument is not None:
            with program.graph.inserting_before(match.node):
                source = call(program.graph, match.node.target, (source, argument), like=match.node)  # type: ignore[arg-type]
        replace_all_uses(match.node, source)


def _is_nothing(source: Any, node: fx.Node) -> bool:
    if is_call(node, aten.reshape.default):
        return shape(source) == shape(node)
    return _in_order(node.args[1])


def _in_order(axes: Any) -> bool:
    return list(axes) == sorted(axes)
