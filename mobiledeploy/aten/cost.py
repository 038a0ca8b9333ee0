"""What a graph costs: operators, multiply-accumulates, bytes moved, and one number that weighs them."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.einsum import einsum_macs, einsum_permuted
from mobiledeploy.aten.graph import arguments, aten, is_call, shape
from mobiledeploy.records import GraphCost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mobiledeploy.aten.program import Program

__all__ = ["BYTES_PER_VALUE", "graph_cost", "node_cost", "weigh"]

# fp16, the default precision of the targets
BYTES_PER_VALUE = 2

# FastViT-T8: 0.7 GMAC in 0.8 ms on an iPhone 12 Pro (github.com/apple/ml-fastvit, Model Zoo) is 0.87 TMAC/s; the A14's
# LPDDR4X moves 34 GB/s (Apple, A14 specifications): 26 multiply-accumulates in the time of one byte.
MACS_PER_BYTE = 26

# One operator's fixed cost in multiply-accumulates, 0.1 µs at the rate above: it breaks ties in favour of fewer
# operators.
MACS_PER_OPERATOR = 87_000

_PICKING = (aten.index_select, aten.narrow, aten.select, aten.slice)


def weigh(cost: GraphCost) -> float:
    """The cost as multiply-accumulates, so that two graphs can be compared."""
    return cost.macs + MACS_PER_BYTE * cost.bytes + MACS_PER_OPERATOR * cost.operators


def graph_cost(program: Program) -> GraphCost:
    """The sum over every call that does work on an input's data."""
    return total(node_cost(node) for node in program.graph.nodes)


def total(costs: Iterable[GraphCost]) -> GraphCost:
    operators = macs = moved = 0
    for cost in costs:
        operators, macs, moved = operators + cost.operators, macs + cost.macs, moved + cost.bytes
    return GraphCost(operators, macs, moved)


def node_cost(node: fx.Node) -> GraphCost:
    """Of one node; an element of a tuple (`getitem`), a constant or an input costs nothing. What picks elements reads
    no others.

    Windows count as their plainest translation, since no target has such operators: `im2col` and `col2im` as a dense
    one-hot convolution and its transpose (coremltools 9.0, `im2col`), `unfold` as a slice per place and a stack. An
    einsum counts with the permutes that it hides.
    """
    if node.op != "call_function" or node.target is operator.getitem:
        return GraphCost(0, 0, 0)
    values = [numel(node), *(numel(source) for source in node.all_input_nodes)]
    if is_call(node, *_PICKING):
        values[1] = min(values[:2])
    if is_call(node, aten.einsum):
        equation, operands, *_ = arguments(node)
        permuted = einsum_permuted(equation, [shape(operand) for operand in operands])
        return GraphCost(1 + len(permuted), macs(node), BYTES_PER_VALUE * (sum(values) + 2 * sum(permuted)))
    if is_call(node, aten.im2col, aten.col2im):
        values.append(_window_size(node) ** 2)
    if is_call(node, aten.unfold):
        places: Any = node.args[2]
        return GraphCost(places + 1, 0, BYTES_PER_VALUE * 4 * numel(node))
    return GraphCost(1, macs(node), BYTES_PER_VALUE * sum(values))


def numel(node: Any) -> int:
    """The elements of a node's value, over all tensors of a tuple."""
    value = node.meta.get("val")
    tensors = value if isinstance(value, tuple | list) else (value,)
    return sum(math.prod(t.shape) for t in tensors if isinstance(t, torch.Tensor))


def macs(node: fx.Node) -> int:
    """Multiply-accumulates of a convolution, linear map, matrix product or attention; 0 of everything else."""
    args: Any = node.args
    if is_call(node, aten.conv1d, aten.conv2d, aten.conv3d):
        return numel(node) * math.prod(shape(args[1])[1:])
    if is_call(node, aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d):
        return numel(args[0]) * math.prod(shape(args[1])[1:])
    if is_call(node, aten.linear):
        return numel(node) * shape(args[1])[-1]
    if is_call(node, aten.matmul, aten.bmm, aten.mm, aten.mv, aten.dot):
        return numel(node) * shape(args[0])[-1]
    if is_call(node, aten.addmm, aten.baddbmm):
        return numel(node) * shape(args[1])[-1]
    if is_call(node, aten.im2col, aten.col2im):
        return numel(node if is_call(node, aten.im2col) else args[0]) * _window_size(node)
    if is_call(node, aten.einsum):
        return einsum_macs(args[0], [shape(operand) for operand in args[1]])
    if is_call(node, aten.scaled_dot_product_attention):
        query, key, value = (shape(argument) for argument in args[:3])
        return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
    return 0


def _window_size(node: fx.Node) -> int:
    """Elements of a window over all channels."""
    return shape(node if is_call(node, aten.im2col) else node.args[0])[-2]
