"""Follows channels through operators that only move data, by running those operators on channel numbers.

    conv ── reshape ── permute ── unbind ─┬─ [0] ── · s          which output channels of conv does s scale?
      0…C-1                               ├─ [1] ── …            run the chain on 0…C-1 and read the numbers
                                          └─ [2] ── …

No pattern of reshapes is looked for: whatever a chain does, the numbers tell.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, shape

__all__ = ["average", "channel_numbers", "is_movement", "move"]

_MOVEMENTS = {
    aten.chunk.default,
    aten.expand.default,
    aten.flip.default,
    aten.narrow.default,
    aten.permute.default,
    aten.repeat.default,
    aten.reshape.default,
    aten.roll.default,
    aten.select.int,
    aten.slice.Tensor,
    aten.split.Tensor,
    aten.split_with_sizes.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.unbind.int,
    aten.unsqueeze.default,
    operator.getitem,
}


# Averages over the last axes, so many.
_POOLINGS = {
    aten.adaptive_avg_pool1d.default: 1,
    aten.adaptive_avg_pool2d.default: 2,
    aten.avg_pool1d.default: 1,
    aten.avg_pool2d.default: 2,
}


def is_movement(node: fx.Node) -> bool:
    """Whether every element of the result is an element of the node's first argument, and nothing else goes in."""
    return node.op == "call_function" and node.target in _MOVEMENTS and node.all_input_nodes == [node.args[0]]


def channel_numbers(node: fx.Node, axis: int) -> torch.Tensor:
    """int32, of the node's shape: every element's index along `axis`."""
    sizes = shape(node)
    numbers = torch.arange(sizes[axis], dtype=torch.int32)
    return numbers.reshape(-1, *([1] * (len(sizes) - 1 - axis))).expand(sizes)


def move(node: fx.Node, numbers: Any) -> Any:
    """What the movement `node` makes of its argument's channel numbers; a list where the operator gives several."""
    return node.target(numbers, *node.args[1:], **node.kwargs)  # type: ignore[operator]


def average(node: fx.Node, numbers: Any) -> torch.Tensor | None:
    """The channel numbers behind an average of places of one channel each, with which a scale and a shift commute:
    mean(s x + t) = s mean(x) + t. None for anything else, where zero padding is counted, or channels are mixed.
    """
    axes = _averaged_axes(node, numbers)
    if axes is None:
        return None
    first: torch.Tensor = numbers
    for axis in axes:
        first = first.narrow(axis, 0, 1)
    if not torch.equal(numbers, first.expand_as(numbers)):
        return None
    keeps = first.dim() == len(shape(node))
    return (first if keeps else first.squeeze(axes)).expand(shape(node))


def _averaged_axes(node: fx.Node, numbers: Any) -> tuple[int, ...] | None:
    if not isinstance(numbers, torch.Tensor) or node.op != "call_function":
        return None
    if is_call(node, aten.mean.dim):
        axes = arguments(node)[1]
        return tuple(axis % numbers.dim() for axis in axes) if axes else tuple(range(numbers.dim()))
    if node.target not in _POOLINGS:
        return None
    if is_call(node, aten.avg_pool1d, aten.avg_pool2d):
        _, _, _, padding, ceil_mode, counts_padding, *divisor = arguments(node)
        if ceil_mode or any(divisor) or (counts_padding and any(padding)):
            return None
    return tuple(range(numbers.dim() - _POOLINGS[node.target], numbers.dim()))
