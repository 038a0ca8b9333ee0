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

from mobiledeploy.aten.graph import aten, shape

__all__ = ["channel_numbers", "is_movement", "move"]

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
