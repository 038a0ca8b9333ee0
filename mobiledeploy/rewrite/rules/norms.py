"""A normalization written out by hand becomes the one operator that it is.

    (x - mean(x)) / sqrt(mean((x - mean(x))²) + eps) · w + b     ──▶   layer_norm(x, w, b, eps)
    x · rsqrt(mean(x²) + eps) · w                                ──▶   rms_norm(x, w, eps)
    exp(x - max(x)) / sum(exp(x - max(x)))                       ──▶   softmax(x)

The written part is compared with the operator in float64, its epsilon included; an unbiased variance, or an epsilon
beside the deviation, is another function and stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mobiledeploy.aten.graph import add_constant, aten, call, is_call, replace_all_uses, shape
from mobiledeploy.rewrite.normalizations import Normalization, normalization
from mobiledeploy.rewrite.operators import constant
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["NameNorms"]


@dataclass(frozen=True)
class _Plan:
    """`last`: what the norm stands for with its affine part, whose `weight` and `bias` are of the normalized shape."""

    norm: Normalization
    last: fx.Node
    weight: torch.Tensor | None
    bias: torch.Tensor | None


class NameNorms:
    """Looks at every quotient and product as the last of a normalization."""

    name: ClassVar[str] = "name-norms"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [node for node in program.graph.nodes if is_call(node, aten.div, aten.mul)]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        norm = normalization(program, node)
        if norm is None:
            return None
        inside = set(norm.nodes)
        if any(user not in inside for part in norm.nodes[:-1] for user in part.users):
            return Refusal("parts of the normalization are read elsewhere, too", node)
        return Match(node, _with_affine_part(program, norm))

    def replace(self, program: Program, match: Match) -> None:
        plan: _Plan = match.plan
        given = list(plan.norm.arguments)
        with program.graph.inserting_before(plan.last):
            for position, value in ((1, plan.weight), (2, plan.bias)):
                if value is not None:
                    given[position] = add_constant(program.graph_module, value, like=plan.last, hint="norm")
            made = call(program.graph, plan.norm.target, (plan.norm.source, *given), like=plan.last)
        replace_all_uses(plan.last, made)


def _with_affine_part(program: Program, norm: Normalization) -> _Plan:
    plan = _Plan(norm, norm.root, None, None)
    if norm.target is aten.softmax.int:
        return plan
    scaled, weight = _next(program, norm, norm.root, aten.mul.Tensor)
    if weight is not None:
        plan = _Plan(norm, scaled, weight, None)
    if norm.target is aten.layer_norm.default:
        shifted, bias = _next(program, norm, plan.last, aten.add.Tensor)
        if bias is not None:
            plan = _Plan(norm, shifted, plan.weight, bias)
    return plan


def _next(program: Program, norm: Normalization, node: fx.Node, target: Any) -> tuple[fx.Node, torch.Tensor | None]:
    """The one reader of `node`, where it is `target` with a constant of the normalized shape; and that constant."""
    reader = next(iter(node.users))
    if len(node.users) > 1 or not is_call(reader, target) or reader.kwargs or shape(reader) != shape(node):
        return node, None
    other = next((argument for argument in reader.args if argument is not node), None)
    value = constant(program, other)
    normalized = tuple(norm.arguments[0])
    if value is None or tuple(value.shape[-len(normalized) :]) != normalized:
        return node, None
    leading = value.shape[: -len(normalized)]
    return (reader, value.reshape(normalized)) if all(size == 1 for size in leading) else (node, None)
