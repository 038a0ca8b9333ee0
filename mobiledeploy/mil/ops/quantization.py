"""Affine quantization of activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("quantization")


@FAMILY.operator("quantize", effect=Effect.SELECTION, since=Opset.IOS17)
def quantize(call: Call) -> Kernel:
    """clip(round(input / scale) + zero_point), rounding half to even."""
    scale, zero_point = _parameters(call)
    bounds = {"int8": (-128, 127, torch.int8), "uint8": (0, 255, torch.uint8)}
    low, high, carrier = call.choice("output_dtype", bounds)
    return Kernel(("input",), lambda x: (x / scale).round_().add_(zero_point).clamp_(low, high).to(carrier))


@FAMILY.operator("dequantize", since=Opset.IOS17)
def dequantize(call: Call) -> Kernel:
    """scale (input - zero_point)."""
    scale, zero_point = _parameters(call)
    return Kernel(("input",), lambda x: (x.float() - zero_point).mul_(scale))


def _parameters(call: Call) -> tuple[torch.Tensor, torch.Tensor]:
    """scale and zero_point as float32, shaped to broadcast along `axis`."""
    rank = call.rank("input")
    shape: tuple[int, ...] = ()
    if call.tensor("scale").dim():
        axis = call.axis("axis", "input")
        shape = tuple(-1 if position == axis else 1 for position in range(rank))
    zero_point = call.tensor("zero_point") if call.has("zero_point") else torch.zeros_like(call.tensor("scale"))
    zeros = zero_point.float()
    return call.tensor("scale").reshape(shape), zeros.reshape(shape) if zeros.dim() else zeros
