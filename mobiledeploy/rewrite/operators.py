"""ATen operators read as algebra: which node is a linear map, which a per-channel scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.graph import arguments, aten, is_call, rank, shape
from mobiledeploy.rewrite.affine import ConvMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobiledeploy.aten.program import Program

__all__ = ["CONVOLUTIONS", "LinearOperator", "PerChannel", "constant", "linear_operator", "per_channel"]

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
    if is_call(node, *CONVOLUTIONS.values()):
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
    sizes = [_per_axis(item, value.dim() - 2) for item in (stride, padding, dilation)]
    return LinearOperator(node, source, ConvMap.of(value, groups, *sizes), offset, 1)


def _linear(program: Program, node: fx.Node) -> LinearOperator | None:
    source, weight, bias = arguments(node)
    value = constant(program, weight)
    offset = _bias(program, bias, value)
    if value is None or offset is None or value.dim() != 2 or rank(source) < 2:
        return None
    return LinearOperator(node, source, ConvMap.of(value, 1, (), (), ()), offset, rank(node) - 1)


def _average_pool(node: fx.Node) -> LinearOperator | None:
    source, kernel, stride, padding, ceil_mode, count_include_pad, divisor = arguments(node)
    kernel, padding = _per_axis(kernel, 2), _per_axis(padding, 2)
    if rank(source) != 4 or ceil_mode or (any(padding) and not count_include_pad):
        return None
    channels = shape(source)[1]
    weight = torch.full((channels, 1, *kernel), 1.0 / (divisor or kernel[0] * kernel[1]), dtype=torch.float64)
    pooling = ConvMap.of(weight, channels, _per_axis(stride, 2) if stride else kernel, padding, (1, 1))
    return LinearOperator(node, source, pooling, torch.zeros(channels, dtype=torch.float64), 1)


def _per_axis(value: Sequence[int], spatial: int) -> tuple[int, ...]:
    return tuple(value) * spatial if len(value) == 1 else tuple(value)


def _bias(program: Program, node: Any, weight: torch.Tensor | None) -> torch.Tensor | None:
    if node is None and weight is not None:
        return torch.zeros(weight.shape[0], dtype=torch.float64)
    return _constant64(program, node)


def per_channel(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    """`node` as a finite scale and shift of one floating tensor along `axis`; None if it is none."""
    if node.op != "call_function" or not _is_floating(node) or not rank(node) > axis >= 0:
        return None
    if is_call(node, aten.batch_norm.default):
        reading = _batch_norm(program, node, axis)
    elif is_call(node, aten.neg.default):
        ones = torch.ones(shape(node)[axis], dtype=torch.float64)
        reading = PerChannel(node, node.args[0], -ones, 0 * ones, axis)  # type: ignore[arg-type]
    elif is_call(node, aten.add, aten.sub, aten.rsub, aten.mul, aten.div):
        reading = _elementwise(program, node, axis)
    else:
        return None
    if reading is None or not _is_floating(reading.source):
        return None
    finite = bool(torch.isfinite(reading.scale).all()) and bool(torch.isfinite(reading.shift).all())
    return reading if finite else None


def _is_floating(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _batch_norm(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    source, weight, bias, mean, variance, training, _, eps, _ = arguments(node)
    statistics = [_constant64(program, item) for item in (mean, variance)]
    if axis != 1 or training or any(item is None for item in statistics):
        return None
    mu, var = statistics
    assert mu is not None
    assert var is not None
    gamma = torch.ones_like(mu) if weight is None else _constant64(program, weight)
    beta = torch.zeros_like(mu) if bias is None else _constant64(program, bias)
    if gamma is None or beta is None:
        return None
    scale = gamma / torch.sqrt(var + eps)
    return PerChannel(node, source, scale, beta - mu * scale, axis)


def _elementwise(program: Program, node: fx.Node, axis: int) -> PerChannel | None:
    if is_call(node, aten.div.Tensor_mode, aten.div.Scalar_mode) or len(node.args) < 2:
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
    """A number, or a constant whose values differ along `axis` of `node` alone, as float64 (channels,)."""
    channels = shape(node)[axis]
    if isinstance(operand, int | float):
        return torch.full((channels,), float(operand), dtype=torch.float64)
    value = constant(program, operand.args[0] if is_call(operand, aten.expand.default) else operand)
    if value is None or value.dim() > rank(node):
        return None
    value = value.reshape((1,) * (rank(node) - value.dim()) + tuple(value.shape))
    for other, size in enumerate(value.shape):
        if other != axis and size > 1:
            first = value.narrow(other, 0, 1)
            if not torch.equal(value, first.expand_as(value)):
                return None
            value = first
    return value.reshape(-1).double().expand(channels)
