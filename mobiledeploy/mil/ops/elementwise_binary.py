"""Functions of two values, element by element, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Semantics
from mobiledeploy.mil.size import broadcast_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("elementwise_binary")

Function = Callable[..., torch.Tensor]


def _whole(function: Function, *, by_zero: Function) -> Function:
    """A division of integers that is defined for all of them. In 64 bits the quotient of the smallest number and -1
    exists (the processor traps where it does not), and then wraps to the smallest number again."""

    def divide(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        wide, divisor = x.long(), y.long()
        zero = divisor == 0
        result = function(wide, torch.where(zero, 1, divisor))
        return torch.where(zero, by_zero(wide), result).to(x.dtype)

    return divide


def _nothing(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros((), dtype=x.dtype)


def _itself(x: torch.Tensor) -> torch.Tensor:
    return x


_INTEGER_DIVISIONS: dict[str, Function] = {
    "real_div": _whole(partial(torch.div, rounding_mode="trunc"), by_zero=_nothing),
    "floor_div": _whole(torch.floor_divide, by_zero=_nothing),
    "mod": _whole(torch.remainder, by_zero=_itself),
}


def _division(name: str, function: Function, *, in_place: bool = False) -> Semantics:
    """Floats divide as IEEE 754 has it. Integers give integers: `real_div` towards zero, `floor_div` downwards, and
    `mod` has the sign of the divisor, as in Python.

    By zero nothing is documented: a quotient is 0 and a remainder the dividend, as on ARM's processors.
    """

    def bind(call: Call) -> Kernel:
        if call.output_type().dtype.is_float:
            return _arithmetic(function, in_place=in_place)(call)
        return _arithmetic(_INTEGER_DIVISIONS[name])(call)

    return bind


def _power(call: Call) -> Kernel:
    """Integers wrap around. With a negative exponent, of which nothing is documented, they give the reciprocal towards
    zero: ±1 for ±1, else 0."""
    return _arithmetic(torch.pow)(call)


def _arithmetic(function: Function, *, in_place: bool = False) -> Semantics:
    """Writes, where the function can, over an operand of the result's shape and type that nobody needs any more."""

    def bind(call: Call) -> Kernel:
        if not _check(call):
            return Kernel(("x", "y"), partial(_measured, function))
        for index, parameter in enumerate(("x", "y")):
            if in_place and parameter in call.overwritable and call.type(parameter) == call.output_type():
                return Kernel(("x", "y"), partial(_into, function, index))
        return Kernel(("x", "y"), function)

    return bind


def _check(call: Call) -> bool:
    """Whether all shapes are known; then the declared one must be what the operands broadcast to."""
    x, y = call.static_shape("x"), call.static_shape("y")
    if x is None or y is None:
        return False
    call.expect(broadcast_shape(x, y))
    return True


def _measured(function: Function, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The function of operands whose shapes the program does not declare."""
    if x.shape != y.shape:
        broadcast_shape(x.shape, y.shape)
    return function(x, y)


def _into(function: Function, index: int, *operands: torch.Tensor) -> torch.Tensor:
    return function(*operands, out=operands[index])


_ARITHMETIC: dict[str, Semantics] = {
    "add": _arithmetic(torch.add, in_place=True),
    "mul": _arithmetic(torch.mul, in_place=True),
    "sub": _arithmetic(torch.sub, in_place=True),
    "real_div": _division("real_div", torch.div, in_place=True),
    "floor_div": _division("floor_div", torch.floor_divide),
    "mod": _division("mod", torch.remainder),
    "pow": _power,
}

_SELECTION: dict[str, Semantics] = {
    "maximum": _arithmetic(torch.maximum),
    "minimum": _arithmetic(torch.minimum),
    "equal": _arithmetic(torch.eq),
    "not_equal": _arithmetic(torch.ne),
    "less": _arithmetic(torch.lt),
    "less_equal": _arithmetic(torch.le),
    "greater": _arithmetic(torch.gt),
    "greater_equal": _arithmetic(torch.ge),
    "logical_and": _arithmetic(torch.logical_and),
    "logical_or": _arithmetic(torch.logical_or),
    "logical_xor": _arithmetic(torch.logical_xor),
}


def _declare() -> None:
    for table, effect in ((_ARITHMETIC, Effect.ARITHMETIC), (_SELECTION, Effect.SELECTION)):
        for name, bind in table.items():
            FAMILY.operator(name, effect=effect)(bind)


_declare()
