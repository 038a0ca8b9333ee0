"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("linear")


@FAMILY.operator("linear")
def linear(call: Call) -> Kernel:
    """x (*D, C_in) times the transposed weight (C_out, C_in), plus bias (C_out)."""
    return Kernel(call.present("x", "weight", "bias"), functional.linear)


@FAMILY.operator("matmul")
def matmul(call: Call) -> Kernel:
    """Product over the last two axes, the others broadcast; `transpose_x`, `transpose_y` exchange those two first."""
    transpose_x, transpose_y = call.flag("transpose_x", False), call.flag("transpose_y", False)
    carrier = call.output_type().dtype.carrier

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if transpose_x and x.dim() > 1:
            x = x.transpose(-1, -2)
        if transpose_y and y.dim() > 1:
            y = y.transpose(-1, -2)
        return torch.matmul(x.to(carrier), y.to(carrier))

    return Kernel(("x", "y"), run)


@FAMILY.operator("einsum")
def einsum(call: Call) -> Kernel:
    equation = call.text("equation")
    return Kernel(("values",), lambda *values: torch.einsum(equation, *values).contiguous())
