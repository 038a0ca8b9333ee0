"""Bitwise operators: logic on booleans, arithmetic on integers where the other operand is a number that allows it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.bitwise_and.Tensor, aten.__and__.Tensor)
def bitwise_and(x: Tensor, y: Tensor) -> Any:
    return torch.logical_and(x, y) if _boolean(x, y) else NotImplemented


@FORMULAS.of(aten.bitwise_or.Tensor, aten.__or__.Tensor)
def bitwise_or(x: Tensor, y: Tensor) -> Any:
    return torch.logical_or(x, y) if _boolean(x, y) else NotImplemented


@FORMULAS.of(aten.bitwise_xor.Tensor, aten.__xor__.Tensor)
def bitwise_xor(x: Tensor, y: Tensor) -> Any:
    return torch.logical_xor(x, y) if _boolean(x, y) else NotImplemented


@FORMULAS.of(aten.bitwise_not.default)
def bitwise_not(x: Tensor) -> Tensor:
    """~n = -1 - n in two's complement."""
    return torch.logical_not(x) if x.dtype is torch.bool else -1 - x


@FORMULAS.of(aten.bitwise_and.Scalar, aten.__and__.Scalar)
def masked(x: Tensor, y: int) -> Any:
    """Of two's complement, the low bits of a mask 2^k - 1 are the remainder that rounds down."""
    return _low_bits(x, y) if _is_mask(x, y) else NotImplemented


@FORMULAS.of(aten.bitwise_or.Scalar, aten.__or__.Scalar)
def filled(x: Tensor, y: int) -> Any:
    return x - _low_bits(x, y) + y if _is_mask(x, y) else NotImplemented


@FORMULAS.of(aten.bitwise_xor.Scalar, aten.__xor__.Scalar)
def flipped(x: Tensor, y: int) -> Any:
    return x - 2 * _low_bits(x, y) + y if _is_mask(x, y) else NotImplemented


@FORMULAS.of(aten.__lshift__.Scalar, aten.bitwise_left_shift.Tensor_Scalar)
def left_shift(x: Tensor, y: int) -> Any:
    return x * 2**y


@FORMULAS.of(aten.__rshift__.Scalar, aten.bitwise_right_shift.Tensor_Scalar)
def right_shift(x: Tensor, y: int) -> Tensor:
    """Arithmetic: it rounds down."""
    return torch.div(x, 2**y, rounding_mode="floor")


def _boolean(*values: Tensor) -> bool:
    return all(value.dtype is torch.bool for value in values)


def _is_mask(x: Tensor, number: int) -> bool:
    return x.dtype is not torch.bool and number >= 0 and not number & (number + 1)


def _low_bits(x: Tensor, mask: int) -> Any:
    return torch.remainder(x, mask + 1)
