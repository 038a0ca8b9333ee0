"""Two linear maps in a row become one, where that is exact and cheaper.

    conv3 ── conv1 ──▶ conv3'          linear ── linear ──▶ linear'

B (A x + a) + b = (B A) x + (B a + b). A padded second map reads zeros at the border where one larger kernel would read
what the first computes; it is merged only behind a 1x1 without a bias. The cost decides: never more
multiply-accumulates, so a depthwise convolution and the 1x1 behind it stay two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.cost import BYTES_PER_VALUE, node_cost, numel, total, weigh
from mobiledeploy.aten.graph import aten, is_call, replace_all_uses, shape
from mobiledeploy.records import GraphCost
from mobiledeploy.rewrite.affine import ConvMap, Geometry, compose, composition
from mobiledeploy.rewrite.emission import convolution
from mobiledeploy.rewrite.operators import CONVOLUTIONS, LinearOperator, linear_operator
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["MergeConsecutive"]


@dataclass(frozen=True)
class _Plan:
    source: fx.Node
    map: ConvMap
    bias: torch.Tensor | None


class MergeConsecutive:
    """Looks at every convolution or Linear that stands right behind another."""

    name: ClassVar[str] = "merge-consecutive"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [node for node in program.graph.nodes if _is_map(node) and _is_map(node.args[0])]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        if not _is_map(node.args[0]):
            return None
        outer = linear_operator(program, node)
        inner = None if outer is None else linear_operator(program, outer.source)
        if outer is None or inner is None or inner.axis != outer.axis:
            return Refusal("its weights are no constants", node)
        if len(inner.node.users) > 1:
            return Refusal("the first map's result is also read elsewhere", node)
        spatial = len(outer.map.geometry.kernel)
        size = shape(inner.source)[2 : 2 + spatial]
        union = composition(inner.map.geometry, outer.map.geometry, size)
        if isinstance(union, str):
            return Refusal(union, node)
        if outer.map.geometry.is_padded and inner.bias.any():
            return Refusal("the first map's bias before the second's zero padding is not exact at the border", node)
        if not _pays(inner, outer, union):
            return Refusal("one map would cost more than the two", node)
        composed = compose(inner.map, outer.map, union)
        bias = outer.bias + outer.map.of_constant(inner.bias)
        return Match(node, _Plan(inner.source, composed, bias if bias.any() else None))

    def replace(self, program: Program, match: Match) -> None:
        plan: _Plan = match.plan
        with program.graph.inserting_before(match.node):
            merged = convolution(program, plan.source, plan.map, plan.bias, match.node)
        replace_all_uses(match.node, merged)


def _is_map(node: Any) -> bool:
    return is_call(node, *CONVOLUTIONS.values(), aten.linear.default)


def _pays(inner: LinearOperator, outer: LinearOperator, union: Geometry) -> bool:
    """Fewer operators, never more multiply-accumulates, and less in all."""
    before = total(node_cost(operator.node) for operator in (inner, outer))
    result, weights = numel(outer.node), union.macs_per_position
    macs = result // union.out_channels * weights
    biases = union.out_channels if inner.bias.any() or outer.bias.any() else 0
    after = GraphCost(1, macs, BYTES_PER_VALUE * (numel(inner.source) + weights + biases + result))
    return after.macs <= before.macs and weigh(after) < weigh(before)
