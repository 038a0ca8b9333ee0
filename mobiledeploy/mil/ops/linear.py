"""Matrix products."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel
from mobiledeploy.mil.size import check_work, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("linear")


@FAMILY.operator("linear")
def linear(call: Call) -> Kernel:
    """x (*D, C_in) times the transposed weight (C_out, C_in), plus bias (C_out), in the type of the result."""
    operands = call.present("x", "weight", "bias")
    carrier = call.output_type().dtype.carrier
    if carrier.is_floating_point and all(call.type(parameter).dtype.carrier is carrier for parameter in operands):
        return Kernel(operands, _linear)
    if carrier.is_floating_point:
        return Kernel(operands, lambda *values: _linear(*(value.to(carrier) for value in values)))

    def run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        _check_linear(x, weight)
        product = torch.matmul(x, weight.T)
        return product if bias is None else product.add_(bias)

    return Kernel(operands, run)


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    _check_linear(x, weight)
    return functional.linear(x, weight, bias)


def _check_linear(x: torch.Tensor, weight: torch.Tensor) -> None:
    checked_shape((*x.shape[:-1], len(weight)))
    check_work(x.numel(), len(weight))


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
        batch = zip_longest(reversed(x.shape[:-2]), reversed(y.shape[:-2]), fillvalue=1)
        shape = checked_shape((*(max(pair) for pair in batch), *x.shape[-2:-1], *y.shape[-1:]))
        check_work(*shape, x.shape[-1])
        return torch.matmul(x.to(carrier), y.to(carrier))

    return Kernel(("x", "y"), run)


@FAMILY.operator("einsum")
def einsum(call: Call) -> Kernel:
    equation = call.text("equation")
    terms, _, result = equation.replace(" ", "").partition("->")
    if not terms.replace(",", "").isalpha() or not result.isalpha():
        raise call.invalid(f"parameter 'equation' is {equation!r:.80}")

    def run(*values: torch.Tensor) -> torch.Tensor:
        sizes: dict[str, int] = {}
        for term, value in zip(terms.split(","), values, strict=True):
            sizes.update(zip(term, value.shape, strict=True))
        checked_shape([sizes[letter] for letter in result])
        check_work(*sizes.values())
        # with a single operand torch may answer with a view of it
        return torch.einsum(equation, *values).clone(memory_format=torch.contiguous_format)

    return Kernel(("values",), run)
