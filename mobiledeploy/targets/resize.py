"""Resizing that Core ML has no operator for, as two matrix products.

    resize(x: (N, C, H, W))  ──▶  (rows: (h, H)) @ x @ (columns: (W, w))

Bilinear and bicubic resizing, with or without antialiasing, is linear and acts on each axis alone; the weights of one
output pixel add up to 1. So the matrix of an axis is what the operator makes of pictures that vary along it only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.graph import add_constant, aten, call, is_call, replace_all_uses, shape

if TYPE_CHECKING:
    from torch import fx

__all__ = ["is_resize", "resize_to_products"]

_RESIZES = (
    aten._upsample_bicubic2d_aa,
    aten._upsample_bilinear2d_aa,
    aten.upsample_bicubic2d,
    aten.upsample_bilinear2d,
)


def is_resize(node: fx.Node) -> bool:
    return is_call(node, *_RESIZES)


def resize_to_products(module: fx.GraphModule, node: fx.Node) -> list[fx.Node]:
    """Puts the two products in the place of `node`; returns them."""
    source: fx.Node = node.args[0]  # type: ignore[assignment]
    height, width = shape(source)[2:]
    rows = _resized(node, torch.eye(height).reshape(1, height, height, 1).expand(-1, -1, -1, width))[0, :, :, 0].T
    columns = _resized(node, torch.eye(width).reshape(1, width, 1, width).expand(-1, -1, height, -1))[0, :, 0, :]
    graph = module.graph
    with graph.inserting_before(node):
        left = add_constant(module, rows.contiguous(), like=node, hint=f"{node.name}_rows")
        right = add_constant(module, columns.contiguous(), like=node, hint=f"{node.name}_columns")
        tall = call(graph, aten.matmul.default, (left, source), like=node)
        full = call(graph, aten.matmul.default, (tall, right), like=node)
    replace_all_uses(node, full)
    graph.erase_node(node)
    return [tall, full]


def _resized(node: fx.Node, picture: torch.Tensor) -> torch.Tensor:
    """What `node`'s operator makes of a float64 `picture` of its input's height and width."""
    with torch.no_grad():
        resized: torch.Tensor = node.target(picture.double(), *node.args[1:], **node.kwargs)  # type: ignore[operator]
    return resized
