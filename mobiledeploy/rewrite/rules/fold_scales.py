"""Per-channel scales and shifts disappear into neighbouring weights.

    linear ── · s ──▶ linear'                 layer scale (Touvron et al., CaiT, 2021), into the projection before it
    norm(s, t) ── linear ──▶ norm ── linear'  a norm's affine part, into all Linears behind it
    linear ── q ── attention(scale) ──▶ linear' ── q ── attention(1)
    (x - m) · s ── conv ──▶ (x - m) ── conv'

A scale commutes with every movement of data, so reshapes, permutes and splits in between do not matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, replace_all_uses, shape
from mobiledeploy.rewrite.folding import BackwardFold, ForwardFold, JointFold, fold_backward, fold_forward
from mobiledeploy.rewrite.operators import PerChannel, constant, per_channel
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mobiledeploy.aten.program import Program

__all__ = ["FoldScales"]

_NORMS = {aten.layer_norm: (2, 3), aten.group_norm: (2, 3)}


class FoldScales:
    """Elementwise operators with a constant, norms with an affine part, attention with a scale."""

    name: ClassVar[str] = "fold-scales"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        for node in list(program.graph.nodes):
            if is_call(node, aten.mul, aten.div, aten.add, aten.sub, aten.rsub, aten.neg):
                if _elementwise(program, node) is not None:
                    yield node
            elif _norm(program, node) is not None or _attention_scale(node) not in (None, 1.0):
                yield node

    def check(self, program: Program, node: fx.Node) -> Match | Refusal:
        if is_call(node, aten.scaled_dot_product_attention):
            return self._check_attention(program, node)
        if is_call(node, *_NORMS):
            scaled = _norm(program, node)
            assert scaled is not None
            forward = fold_forward(program, scaled)
            return Refusal(forward, node) if isinstance(forward, str) else Match(node, forward)
        scaled = _elementwise(program, node)
        assert scaled is not None
        backward = fold_backward(program, scaled)
        if not isinstance(backward, str):
            return Match(node, backward)
        forward = fold_forward(program, scaled)
        return Refusal(f"{backward}; {forward}", node) if isinstance(forward, str) else Match(node, forward)

    def _check_attention(self, program: Program, node: fx.Node) -> Match | Refusal:
        query, scale = node.args[0], _attention_scale(node)
        assert isinstance(query, fx.Node)
        assert scale is not None
        value = torch.full((shape(query)[-1],), scale, dtype=torch.float64)
        backward = fold_backward(program, PerChannel(node, query, value, 0 * value, rank(query) - 1))
        return Refusal(backward, node) if isinstance(backward, str) else Match(node, backward)

    def replace(self, program: Program, match: Match) -> None:
        fold: BackwardFold | ForwardFold | JointFold = match.plan
        node = match.node
        fold.apply(program)
        if is_call(node, aten.scaled_dot_product_attention):
            node.kwargs = {**node.kwargs, "scale": 1.0}
        elif is_call(node, *_NORMS):
            _drop_affine(node)
        else:
            scaled = _elementwise(program, node)
            assert scaled is not None
            replace_all_uses(node, scaled.source)


def _elementwise(program: Program, node: fx.Node) -> PerChannel | None:
    """`node` as a scale and shift along whichever axis its constant varies."""
    if not isinstance(node.meta.get("val"), torch.Tensor):
        return None
    readings = (per_channel(program, node, axis) for axis in range(rank(node)))
    return next((reading for reading in readings if reading is not None), None)


def _norm(program: Program, node: fx.Node) -> PerChannel | None:
    """A norm's affine part, as if it stood behind the norm."""
    if not is_call(node, *_NORMS):
        return None
    args = arguments(node)
    if is_call(node, aten.layer_norm) and len(args[1]) != 1:
        return None
    first, second = _NORMS[node.target.overloadpacket]  # type: ignore[union-attr]
    if args[first] is None and args[second] is None:
        return None
    axis = rank(node) - 1 if is_call(node, aten.layer_norm) else 1
    ones = torch.ones(shape(node)[axis], dtype=torch.float64)
    weight = ones if args[first] is None else _double(program, args[first])
    bias = 0 * ones if args[second] is None else _double(program, args[second])
    return None if weight is None or bias is None else PerChannel(node, node, weight, bias, axis)


def _double(program: Program, node: Any) -> torch.Tensor | None:
    value = constant(program, node)
    return None if value is None else value.double()


def _drop_affine(node: fx.Node) -> None:
    args = arguments(node)
    for position in _NORMS[node.target.overloadpacket]:  # type: ignore[union-attr]
        args[position] = None
    node.args, node.kwargs = tuple(args), {}


def _attention_scale(node: fx.Node) -> float | None:
    """The factor on q kᵀ; torch's default is 1/sqrt(d) (torch.nn.functional.scaled_dot_product_attention)."""
    if not is_call(node, aten.scaled_dot_product_attention):
        return None
    scale = node.kwargs.get("scale")
    return 1 / math.sqrt(shape(node.args[0])[-1]) if scale is None else float(scale)  # type: ignore[arg-type]
