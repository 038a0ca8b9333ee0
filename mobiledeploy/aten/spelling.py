"""One operator for each thing that torch can say in several ways."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, call, is_call, rank, replace_all_uses, shape

__all__ = [
    "drop_no_movement",
    "unify_constructors",
    "unify_convolutions",
    "unify_movement",
    "unify_norms",
    "unify_products",
]

_RESHAPES = {
    aten._unsafe_view.default,
    aten.flatten.using_ints,
    aten.reshape.default,
    aten.reshape_as.default,
    aten.unflatten.int,
    aten.view.default,
    aten.view_as.default,
}
_TRANSPOSES = {
    aten.adjoint.default,
    aten.mT.default,
    aten.movedim.int,
    aten.movedim.intlist,
    aten.numpy_T.default,
    aten.permute.default,
    aten.swapaxes.default,
    aten.swapdims.default,
    aten.t.default,
    aten.transpose.int,
}
_PADDED_BY_NAME = {
    aten.conv1d.padding: aten.conv1d.default,
    aten.conv2d.padding: aten.conv2d.default,
    aten.conv3d.padding: aten.conv3d.default,
}
_CONVOLUTIONS = {
    (False, 1): aten.conv1d.default,
    (False, 2): aten.conv2d.default,
    (False, 3): aten.conv3d.default,
    (True, 1): aten.conv_transpose1d.default,
    (True, 2): aten.conv_transpose2d.input,
    (True, 3): aten.conv_transpose3d.input,
}
# How the value is found among the arguments; a number is the value itself.
_FILLED = {
    aten.zero.default: 0,
    aten.zeros_like.default: 0,
    aten.new_zeros.default: 0,
    aten.ones_like.default: 1,
    aten.new_ones.default: 1,
    aten.fill.Scalar: "value",
    aten.full_like.default: "fill_value",
    aten.new_full.default: "fill_value",
}


def unify_norms(module: fx.GraphModule) -> None:
    """_native_batch_norm_legit_no_training(x, …)[0]  ──▶  batch_norm(x, …), and the like for layer and group norm

    instance_norm(x, …, use_input_stats=False)  ──▶  batch_norm(x, …), which is what it is with statistics of its own
    """
    for node in list(module.graph.nodes):
        if is_call(node, aten.instance_norm.default) and not node.args[5]:
            node.target = aten.batch_norm.default
        if node.target is operator.getitem and node.args[1] == 0 and _native_norm(node.args[0]) is not None:
            target, args = _native_norm(node.args[0])
            with module.graph.inserting_before(node):
                replace_all_uses(node, call(module.graph, target, args, like=node))


def _native_norm(node: Any) -> Any:
    if is_call(node, aten._native_batch_norm_legit_no_training):
        x, weight, bias, mean, variance, momentum, eps = node.args
        return aten.batch_norm.default, (x, weight, bias, mean, variance, False, momentum, eps, False)
    if is_call(node, aten.native_layer_norm):
        return aten.layer_norm.default, node.args
    if is_call(node, aten.native_group_norm):
        x, weight, bias, _, _, _, groups, eps = node.args
        return aten.group_norm.default, (x, groups, weight, bias, eps)
    return None


def unify_convolutions(module: fx.GraphModule) -> None:
    """convolution(x, …)  ──▶  conv2d(x, …);  conv2d(x, …, padding="same")  ──▶  conv2d(pad(x), …, padding=[1, 1])"""
    for node in list(module.graph.nodes):
        if is_call(node, aten.convolution.default):
            x, weight, bias, stride, padding, dilation, transposed, extra, groups = node.args
            node.target = _CONVOLUTIONS[transposed, rank(weight) - 2]
            geometry = (extra, groups, dilation) if transposed else (dilation, groups)
            node.args = (x, weight, bias, stride, padding, *geometry)
        elif node.target in _PADDED_BY_NAME:
            _spell_out_padding(module.graph, node)


def _spell_out_padding(graph: fx.Graph, node: fx.Node) -> None:
    """torch pads one more behind than before where the whole is odd (aten/src/ATen/native/Convolution.cpp)."""
    x, weight, bias, stride, padding, dilation, groups = arguments(node)
    kernel = shape(weight)[2:]
    steps = list(dilation) * len(kernel) if len(dilation) == 1 else list(dilation)
    whole = [d * (k - 1) if padding == "same" else 0 for d, k in zip(steps, kernel, strict=True)]
    if any(size % 2 for size in whole):
        behind = [amount for size in reversed(whole) for amount in (0, size % 2)]
        with graph.inserting_before(node):
            x = call(graph, aten.constant_pad_nd.default, (x, behind, 0.0), like=node)
    node.target = _PADDED_BY_NAME[node.target]  # type: ignore[index]
    node.args, node.kwargs = (x, weight, bias, stride, [size // 2 for size in whole], steps, groups), {}


def unify_products(module: fx.GraphModule) -> None:
    """x @ w, mm(x, w), addmm(b, x, w)  ──▶  linear(x, permute(w), b), where w is a constant matrix"""
    for node in list(module.graph.nodes):
        if is_call(node, aten.matmul.default, aten.mm.default):
            (x, weight), bias = node.args, None
        elif is_call(node, aten.addmm.default) and all(node.kwargs.get(name, 1) == 1 for name in ("alpha", "beta")):
            bias, x, weight = node.args
        else:
            continue
        if rank(x) < 2 or rank(weight) != 2 or not _is_constant(weight):
            continue
        if bias is not None and (not _is_constant(bias) or shape(bias) != shape(node)[-1:]):
            continue
        if weight.op == "get_attr":
            with module.graph.inserting_before(node):
                transposed = call(module.graph, aten.permute.default, (weight, [1, 0]), like=node)
        else:
            transposed = weight.args[0]
        node.target, node.args, node.kwargs = aten.linear.default, (x, transposed, bias), {}


def _is_constant(node: fx.Node) -> bool:
    """A parameter, or one with its two axes exchanged."""
    if node.target in _TRANSPOSES and _permutation(node) == [1, 0]:
        return node.args[0].op == "get_attr"  # type: ignore[union-attr]
    return node.op == "get_attr"


def unify_constructors(module: fx.GraphModule) -> None:
    """zeros_like(x), new_full(x, …)  ──▶  full(sizes, value), which depends on no input;  copy(x, y)  ──▶  expand(y)"""
    for node in list(module.graph.nodes):
        if node.target in _FILLED:
            _fill(node)
        elif is_call(node, aten.copy.default):
            _spell_out_copy(module.graph, node)


def _fill(node: fx.Node) -> None:
    value: Any = _FILLED[node.target]  # type: ignore[index]
    if isinstance(value, str):
        names = [argument.name for argument in node.target._schema.arguments]  # type: ignore[union-attr]
        value = arguments(node)[names.index(value)]
    node.target, node.args = aten.full.default, (list(shape(node)), value)
    node.kwargs = {"dtype": node.meta["val"].dtype}


def _spell_out_copy(graph: fx.Graph, node: fx.Node) -> None:
    source: Any = node.args[1]
    with graph.inserting_before(node):
        if source.meta["val"].dtype != node.meta["val"].dtype:
            source = call(graph, aten.to.dtype, (source, node.meta["val"].dtype), like=node)
        if shape(source) != shape(node):
            source = call(graph, aten.expand.default, (source, list(shape(node))), like=node)
    replace_all_uses(node, source)


def unify_movement(module: fx.GraphModule) -> None:
    """flatten, view, unflatten, …  ──▶  reshape;  transpose, t, movedim, …  ──▶  permute;  expand_as  ──▶  expand"""
    for node in module.graph.nodes:
        if node.target in _RESHAPES:
            node.target, node.args, node.kwargs = aten.reshape.default, (node.args[0], list(shape(node))), {}
        elif node.target in _TRANSPOSES:
            node.target, node.args, node.kwargs = aten.permute.default, (node.args[0], _permutation(node)), {}
        elif node.target is aten.expand_as.default:
            node.target, node.args = aten.expand.default, (node.args[0], list(shape(node)))


def _permutation(node: fx.Node) -> list[int]:
    """The axes, by running the operator on a tensor whose sizes are the axis numbers."""
    probe = torch.empty(tuple(range(2, 2 + rank(node.args[0]))), device="meta")
    return [size - 2 for size in node.target(probe, *node.args[1:], **node.kwargs).shape]  # type: ignore[operator]


def drop_no_movement(module: fx.GraphModule) -> None:
    """A reshape to the shape that is there and a permute that keeps the order disappear."""
    for node in module.graph.nodes:
        same_shape = is_call(node, aten.reshape, aten.expand) and shape(node) == shape(node.args[0])
        if same_shape or (is_call(node, aten.permute) and list(node.args[1]) == sorted(node.args[1])):
            replace_all_uses(node, node.args[0])
