"""Matrices along the channels of a tensor, in whichever operator they are written.

linear(x, w)          x: (…, in)           conv1d, conv2d(x, w, 1x1)          x: (N, in, …)
matmul(w, x)          x: (…, in, places)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, shape
from mobiledeploy.rewrite.movement import is_movement, move
from mobiledeploy.rewrite.operators import constant

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["ChannelMap", "channel_map", "moved_from"]

_POINTWISE = (aten.conv1d.default, aten.conv2d.default)


@dataclass(frozen=True)
class ChannelMap:
    """`node` computes `weight @ source + bias` along `axis` of both; `weight`: (out, in) as it is stored."""

    node: fx.Node
    source: fx.Node
    weight: torch.Tensor
    bias: fx.Node | None
    axis: int


def channel_map(program: Program, node: Any) -> ChannelMap | None:
    """None for anything else, and where the weight is no constant."""
    if is_call(node, aten.linear.default):
        source, weight, bias = arguments(node)
        axis = rank(node) - 1
    elif is_call(node, *_POINTWISE) and _is_pointwise(node):
        source, weight, bias = arguments(node)[:3]
        axis = 1
    elif is_call(node, aten.matmul.default):
        (weight, source), bias, axis = node.args, None, rank(node) - 2
    else:
        return None
    value = constant(program, weight)
    if value is None or rank(source) != rank(node) or value.flatten(1).dim() != 2:
        return None
    return ChannelMap(node, source, value.flatten(1), bias, axis)


def _is_pointwise(node: fx.Node) -> bool:
    source, weight, _, stride, padding, _, groups = arguments(node)
    spatial = rank(weight) - 2
    plain = set(stride) == {1} and not any(padding) and groups == 1
    return plain and rank(source) == spatial + 2 and shape(weight)[2:] == (1,) * spatial


def moved_from(node: fx.Node, *targets: Any) -> tuple[fx.Node, torch.Tensor] | None:
    """The call of one of `targets` that `node` is the moved result of, and the number of every element of `node` in
    it; None where there is none."""
    chain = []
    while is_movement(node):
        chain.append(node)
        node = node.args[0]  # type: ignore[assignment]
    if not is_call(node, *targets) or not isinstance(node.meta.get("val"), torch.Tensor):
        return None
    numbers: Any = torch.arange(node.meta["val"].numel(), dtype=torch.int32).reshape(shape(node))
    for step in reversed(chain):
        numbers = move(step, numbers)
    return node, numbers
