"""What depends on no input is computed once.

    get_attr bias_table ── index ── permute ── unsqueeze ── + ──▶ get_attr constant ── +

Computed in float64; what is only moved about stays as it is stored. A last `expand` is left to the target: it spreads
a small constant out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from mobiledeploy.aten.evaluate import apply
from mobiledeploy.aten.graph import add_constant, aten, is_call, replace_all_uses
from mobiledeploy.rewrite.movement import is_movement
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["FoldConstants"]


class FoldConstants:
    """Looks at the last nodes that depend on no input: those that an input-dependent node or the output reads."""

    name: ClassVar[str] = "fold-constants"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        fixed = _independent(program)
        found: dict[fx.Node, None] = {}
        for node in fixed:
            if node.op == "call_function" and any(user not in fixed for user in node.users):
                found[node.args[0] if is_call(node, aten.expand.default) else node] = None  # type: ignore[index]
        for node in found:
            if node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor):
                yield node

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        return Match(node, _compute(program, node))

    def replace(self, program: Program, match: Match) -> None:
        with program.graph.inserting_before(match.node):
            node = add_constant(program.graph_module, match.plan, like=match.node, hint=match.node.name)
        replace_all_uses(match.node, node)


def _independent(program: Program) -> dict[fx.Node, None]:
    """Constants and what is made of them alone, in graph order."""
    fixed: dict[fx.Node, None] = {}
    for node in program.graph.nodes:
        fixes = node.op in ("get_attr", "call_function")
        if fixes and all(source in fixed for source in node.all_input_nodes):
            fixed[node] = None
    return fixed


def _compute(program: Program, node: fx.Node) -> torch.Tensor:
    """The node's value; every node on the way is computed once."""
    values: dict[fx.Node, Any] = {}
    frontier = [node]
    while frontier:
        current = frontier[-1]
        missing = [source for source in current.all_input_nodes if source not in values]
        if missing:
            frontier += missing
            continue
        if frontier.pop() not in values:
            values[current] = _value(program, current, values)
    return values[node].contiguous()  # type: ignore[no-any-return]


def _value(program: Program, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
    if node.op == "get_attr":
        return program.constant(node)
    if not is_movement(node):
        for source in node.all_input_nodes:
            values[source] = _widened(values[source])
    return apply(node, values.__getitem__, torch.float64)


def _widened(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.double()
    return value
