"""Convolutions over one to three spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel
from mobiledeploy.mil.size import check_work, checked_shape
from mobiledeploy.mil.window import padding_list, read_window

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("conv")

Convolution = Callable[..., torch.Tensor]

_CONVOLUTIONS: dict[int, Convolution] = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}
_TRANSPOSED: dict[int, Convolution] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


@FAMILY.operator("conv")
def conv(call: Call) -> Kernel:
    """x (N, C_in, *D), weight (C_out, C_in / groups, *K), bias (C_out). Padding with zeros."""
    window = read_window(call, _kernel_shape(call))
    convolve = _spatial(call, _CONVOLUTIONS, len(window.kernel))
    groups = call.integer("groups", 1)
    operands = call.present("x", "weight", "bias")
    shape, weight_shape = call.static_shape("x"), call.static_shape("weight")
    padding = window.symmetric_padding(shape)
    if shape is not None and weight_shape is not None:
        call.expect((shape[0], weight_shape[0], *window.output_sizes(shape)))
        check_work(shape[0], *window.output_sizes(shape), *weight_shape)
    if shape is not None and padding is not None:

        def run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
            return convolve(x, weight, bias, window.strides, padding, window.dilations, groups)

        return Kernel(operands, run)

    def run_padded(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        sizes = checked_shape((x.shape[0], weight.shape[0], *window.output_sizes(x.shape)))
        check_work(sizes[0], *sizes[2:], *weight.shape)
        checked_shape(
            (*x.shape[:2], *(a + b + n for n, (a, b) in zip(x.shape[2:], window.padding(x.shape), strict=True)))
        )
        padded = functional.pad(x, padding_list(window.padding(x.shape)))
        return convolve(padded, weight, bias, window.strides, 0, window.dilations, groups)

    return Kernel(operands, run_padded)


@FAMILY.operator("conv_quantized")
def conv_quantized(call: Call) -> Kernel:
    """`conv` with the weight quant_scale * weight + quant_bias: weight uint8 below 2^nbits, one element per byte; scale
    and bias numbers for all elements or one per output channel. It is dequantized and multiplied in float32, and the
    result rounded once.

    Where coremltools' definition is silent: the lookup table that `quantization_type` "lut" speaks of is no parameter
    of the operator, so that it is refused; `bias`, declared uint8, is added as the integers it holds.
    """
    call.choice("quantization_type", {"linear": True})
    limit = 1 << call.integer("nbits", 8)
    shape = (-1, *(1,) * (call.rank("weight") - 1))
    scale, shift = (call.tensor(name).float().reshape(shape) for name in ("quant_scale", "quant_bias"))
    bias = (call.tensor("bias").float(),) if call.has("bias") else ()
    convolve = conv(call).run

    def dequantized(weight: torch.Tensor) -> torch.Tensor:
        if weight.numel() and int(weight.max()) >= limit:
            raise call.invalid(f"a quantized weight is {int(weight.max())}, not below {limit}")
        return weight * scale + shift

    if call.is_constant("weight"):
        weight = dequantized(call.tensor("weight"))
        return Kernel(("x",), lambda x: convolve(x, weight, *bias))
    return Kernel(("x", "weight"), lambda x, weight: convolve(x, dequantized(weight), *bias))


@FAMILY.operator("conv_transpose")
def conv_transpose(call: Call) -> Kernel:
    """x (N, C_in, *D), weight (C_in, C_out / groups, *K), bias (C_out): the full result, cropped at both ends.

    `valid` crops nothing, `custom` crops `pad`, `same` crops to D * stride. With an `output_shape` the begin of the
    crop stands and the end follows from the shape; where that lies behind the full result, zeros follow.
    """
    window = read_window(call, _kernel_shape(call))
    spatial = len(window.kernel)
    transpose = _spatial(call, _TRANSPOSED, spatial)
    groups = call.integer("groups", 1)
    wanted = call.integers("output_shape")[-spatial:] if call.has("output_shape") else None

    def run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        channels = (x.shape[0], weight.shape[1] * groups)
        sizes = window.full_sizes(x.shape)
        crop = window.crop(x.shape[2:], sizes, wanted)
        checked_shape((*channels, *sizes))
        checked_shape((*channels, *(size + sum(pair) for size, pair in zip(sizes, crop, strict=True))))
        check_work(x.shape[0], *x.shape[2:], *weight.shape)
        full = transpose(x, weight, None, window.strides, 0, 0, groups, window.dilations)
        result: torch.Tensor = functional.pad(full, padding_list(crop))
        if bias is not None:
            result.add_(bias.reshape(-1, *(1,) * spatial))
        return result

    return Kernel(call.present("x", "weight", "bias"), run)


def _spatial(call: Call, functions: dict[int, Convolution], spatial: int) -> Convolution:
    if spatial not in functions or call.rank("x") != spatial + 2:
        raise call.invalid(f"x has rank {call.rank('x')}, the kernel has {spatial} spatial axes")
    return functions[spatial]


def _kernel_shape(call: Call) -> tuple[int, ...]:
    shape = call.type("weight").shape
    if shape is None or len(shape) < 3 or None in shape[2:]:
        raise call.invalid("the weight's spatial sizes must be known")
    return tuple(size for size in shape[2:] if size is not None)
