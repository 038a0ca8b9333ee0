"""Functions of two values, element by element, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Semantics

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("elementwise_binary")

Function = Callable[..., torch.Tensor]


def _truncated_division(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.div(x, y, rounding_mode="trunc")


def _real_division(call: Call) -> Kernel:
    """Integers divide to integers, towards zero; floats as usual."""
    function = torch.div if call.output_type().dtype.is_float else _truncated_division
    return _arithmetic(function, in_place=function is torch.div)(call)


def _arithmetic(function: Function, *, in_place: bool = False) -> Semantics:
    """Writes, where the function can, over an operand of the result's shape and type that nobody needs any more."""

    def bind(call: Call) -> Kernel:
        if not _check(call):
            return Kernel(("x", "y"), function)
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
    shape = []
    for a, b in zip_longest(reversed(x), reversed(y), fillvalue=1):
        if a != b and 1 not in (a, b):
            raise call.invalid(f"the shapes {x} and {y} do not broadcast")
        shape.append(b if a == 1 else a)
    call.expect(shape[::-1])
    return True


def _into(function: Function, index: int, *operands: torch.Tensor) -> torch.Tensor:
    return function(*operands, out=operands[index])


_ARITHMETIC: dict[str, Semantics] = {
    "add": _arithmetic(torch.add, in_place=True),
    "mul": _arithmetic(torch.mul, in_place=True),
    "sub": _arithmetic(torch.sub, in_place=True),
    "real_div": _real_division,
    "floor_div": _arithmetic(torch.floor_divide),
    # the result has the sign of the divisor, as in Python
    "mod": _arithmetic(torch.remainder),
    "pow": _arithmetic(torch.pow),
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
