"""ATen operators read as algebra: which node is a linear map, which a per-channel scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import aten, is_call, rank, shape
from mobiledeploy.aten.program import Program
from mobiledeploy.rewrite.affine import ConvMap

__all__ = ["CONVOLUTIONS", "LinearOperator", "PerChannel", "arguments", "constant", "linear_operator", "per_channel"]

CONVOLUTIONS = {1: aten.conv1d.default, 2: aten.conv2d.default, 3: aten.conv3d.default}


@dataclass(frozen=True)
class LinearOperator:
    """`node` computes `map(source) + bias` along channel `axis`; `bias`: float64 (out,)."""

    node: fx.Node
    source: fx.Node
    map: ConvMap
    bias: torch.Tensor
    axis: int


@dataclass(frozen=True)
class PerChannel:
    """`node` computes `scale[c] * source + shift[c]` along channel `axis`; both float64 (channels,)."""

    node: fx.Node
    source: fx.Node
    scale: torch.Tensor
    shift: torch.Tensor
    axis: int

    @property
    def is_uniform_scale(self) -> bool:
        """One number for every element and no shift: it commutes with anything linear."""
        return not self.shift.any() and bool((self.scale == self.scale[0]).all())


def constant(program: Program, node: Any) -> torch.Tensor | None:
    """The value of a `get_attr` of floating type as it is stored, or None."""
    if isinstance(node, fx.Node) and node.op == "get_attr" and program.constant(node).is_floating_point():
        return program.constant(node)
    return None


def _constant64(program: Program, node: Any) -> torch.Tensor | None:
    value = constant(program, node)
    return None if value is None else value.double()


def linear_operator(program: Program, node: fx.Node) -> LinearOperator | None:
    """A convolution, a Linear layer, or an average pooling that counts its padding; None for anything else."""
    if is_call(node, aten.conv1d.default, aten.conv2d.default, aten.conv3d.default):
        return _convolution(program, node)
    if is_call(node, aten.linear.default):
        return _linear(program, node)
    if is_call(node, aten.avg_pool2d.default):
        return _average_pool(node)
    return None


def _convolution(program: Program, node: fx.Node) -> LinearOperator | None:
    source, weight, bias, stride, padding, dilation, groups = arguments(node)
    value = constant(program, weight)
    offset = _bias(program, bias, value)
    if value is None or offset is None or rank(source) != value.dim():
        return None
    spatial = value.dim() - 2
    sizes = [tuple(item) * spatial if len(item) == 1 else tuple(item) for item in (stride, padding, dilation)]
    return LinearOperator(node, source, ConvMap(value, groups, *sizes), offset, 1)


def _linear(program: Program, node: fx.Node) -> LinearOperator | None:
    source, weight, bias = arguments(node)
    value = constant(program, weight)
    offset = _bias(program, bias, value)
    if value is None or offset is None or value.dim() != 2:
        return None
    return LinearOperator(node, source, ConvMap(value, 1, (), (), ()), offset, rank(node) - 1)


def _average_pool(node: fx.Node) -> LinearOperator | None:
    source, kernel, stride, padding, ceil_mode, count_include_pad, divisor = arguments(node)
    kernel, padding = _pair(kernel), _pair(padding)
    if rank(source) != 4 or ceil_mode or (any(padding) and not count_include_pad):
        return None
    channels = shape(source)[1]
    count = divisor or kernel[0] * kernel[1]
    weight = torch.full((channels, 1, *kernel), 1.0 / count, dtype=torch.float64)
    pooling = ConvMap(weight, channels, _pair(stride) if stride else kernel, padding, (1, 1))
    return LinearOperator(node, source, pooling, torch.zeros(channels, dtype=torch.float64), 1)


def _pair(value: list[int]) -> tuple[int, int]:
    return (value[0], value[-1])


def _bias(program: Program, node: Any, weight: torch.Tensor | None) -> torch.Tensor | None:
    if node is None and weight is not None:
        return torch.zeros(weight.shape[0], dtype=torch.float64)
    return _constant64(program, node)


def arguments(node: fx.Node) -> list[Any]:
    """Every argument in schema order, defaults filled in."""
    values: list[Any] = []
    for position, argument in enumerate(node.target._schema.arguments):  # type: ignore[union-attr]
        if position < len(node.args):
            values.append(node.args[position])
        else:
            values.append(node.kwargs.get(argument.name, argument.default_value))
    return values


def per_channel(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    """`node` as a scale and shift of one tensor along `axis`; None if it is none."""
    if node.op != "call_function" or not isinstance(node.meta.get("val"), torch.Tensor) or not rank(node) > axis >= 0:
        return None
    if is_call(node, aten.batch_norm.default):
        return _batch_norm(program, node, axis)
    if is_call(node, aten.neg.default):
        ones = torch.ones(shape(node)[axis], dtype=torch.float64)
        return PerChannel(node, node.args[0], -ones, 0 * ones, axis)  # type: ignore[arg-type]
    if is_call(node, aten.add, aten.sub, aten.rsub, aten.mul, aten.div):
        return _elementwise(program, node, axis)
    return None


def _batch_norm(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    source, weight, bias, mean, variance, training, _, eps, _ = arguments(node)
    statistics = [_constant64(program, item) for item in (mean, variance)]
    if axis != 1 or training or any(item is None for item in statistics):
        return None
    mu, var = statistics
    assert mu is not None and var is not None
    gamma = torch.ones_like(mu) if weight is None else _constant64(program, weight)
    beta = torch.zeros_like(mu) if bias is None else _constant64(program, bias)
    if gamma is None or beta is None:
        return None
    scale = gamma / torch.sqrt(var + eps)
    return PerChannel(node, source, scale, beta - mu * scale, axis)


def _elementwise(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    if is_call(node, aten.div.Tensor_mode) or len(node.args) < 2:
        return None
    left, right = node.args[:2]
    alpha = node.kwargs.get("alpha", node.args[2] if len(node.args) > 2 else 1)
    values = [_along(program, side, node, axis) for side in (left, right)]
    if (values[0] is None) == (values[1] is None) or not isinstance(alpha, int | float):
        return None
    source = right if values[1] is None else left
    value = values[0] if values[1] is None else values[1]
    if not isinstance(source, fx.Node) or shape(source) != shape(node) or value is None:
        return None
    scale, shift = _coefficients(node, value, source is left, float(alpha))
    return None if scale is None else PerChannel(node, source, scale, shift, axis)


def _coefficients(node: fx.Node, value: torch.Tensor, source_is_left: bool, alpha: float) -> Any:
    """(scale, shift) of `source ∘ value`, where ∘ is the node's operator."""
    ones = torch.ones_like(value)
    if is_call(node, aten.mul):
        return value, 0 * value
    if is_call(node, aten.div):
        return (1 / value, 0 * value) if source_is_left else (None, None)
    if is_call(node, aten.add):
        return (ones, alpha * value) if source_is_left else (alpha * ones, value)
    minuend_is_source = source_is_left ^ is_call(node, aten.rsub)
    subtrahend_factor = alpha
    if minuend_is_source:
        return ones, -subtrahend_factor * value
    return -subtrahend_factor * ones, value


def _along(program: Program, operand: Any, node: fx.Node, axis: int) -> torch.Tensor | None:
    """A number, or a constant that varies along `axis` of `node` alone, as float64 (channels,)."""
    channels = shape(node)[axis]
    if isinstance(operand, int | float):
        return torch.full((channels,), float(operand), dtype=torch.float64)
    value = _constant64(program, operand)
    if value is None or value.dim() > rank(node):
        return None
    sizes = (1,) * (rank(node) - value.dim()) + tuple(value.shape)
    if any(size != 1 for position, size in enumerate(sizes) if position != axis):
        return None
    return value.reshape(-1).expand(channels)
