"""What depends on no input is computed once.

    get_attr bias_table ── index ── permute ── unsqueeze ── + ──▶ get_attr constant ── +

Computed in float64. A constant that only spreads a smaller one out (expand, repeat) is left to the target unless
something computes with it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import fx

from mobiledeploy.aten.graph import add_constant, replace_all_uses
from mobiledeploy.aten.program import Program
from mobiledeploy.rewrite.rule import Match, Refusal

__all__ = ["FoldConstants"]


class FoldConstants:
    """Looks at the last nodes that depend on no input: those that an input-dependent node or the output reads."""

    name: ClassVar[str] = "fold-constants"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        fixed = _independent(program)
        for node in fixed:
            is_tensor = isinstance(node.meta.get("val"), torch.Tensor)
            if node.op == "call_function" and is_tensor and any(user not in fixed for user in node.users):
                yield node

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        return Match(node, _compute(program, node))

    def replace(self, program: Program, match: Match) -> None:
        with program.graph.inserting_before(match.node):
            node = add_constant(program.graph_module, match.plan, like=match.node, hint=match.node.name)
        replace_all_uses(match.node, node)


def _independent(program: Program) -> dict[fx.Node, None]:
    """Constants and what is made of them alone, in graph order; random numbers are not constants."""
    fixed: dict[fx.Node, None] = {}
    for node in program.graph.nodes:
        if node.op == "get_attr" or (node.op == "call_function" and not _is_random(node)):
            if all(source in fixed for source in node.all_input_nodes):
                fixed[node] = None
    return fixed


def _is_random(node: fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _compute(program: Program, node: fx.Node) -> torch.Tensor:
    values: dict[fx.Node, Any] = {}

    def value(of: fx.Node) -> Any:
        if of not in values:
            values[of] = _apply(program, of, value)
        return values[of]

    return value(node).contiguous()  # type: ignore[no-any-return]


def _apply(program: Program, node: fx.Node, value: Any) -> Any:
    if node.op == "get_attr":
        constant = program.constant(node)
        return constant.double() if constant.is_floating_point() else constant
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
    if node.target is operator.getitem:
        return operator.getitem(*args)
    wide = {key: torch.float64 if item is torch.float32 else item for key, item in kwargs.items()}
    return node.target(*[torch.float64 if item is torch.float32 else item for item in args], **wide)  # type: ignore[operator]
