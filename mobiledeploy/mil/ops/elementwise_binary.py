"""Functions of two values, element by element, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
    if not call.output_type().dtype.is_float:
        return Kernel(("x", "y"), _truncated_division)
    return _arithmetic(torch.div)(call)


def _arithmetic(function: Function) -> Semantics:
    """Writes over an operand of the result's shape and type that nobody needs any more."""

    def bind(call: Call) -> Kernel:
        result = call.output_type()
        if result.size is not None:
            for index, parameter in enumerate(("x", "y")):
                if parameter in call.overwritable and call.type(parameter) == result:
                    return Kernel(("x", "y"), partial(_into, function, index))
        return Kernel(("x", "y"), function)

    return bind


def _into(function: Function, index: int, *operands: torch.Tensor) -> torch.Tensor:
    target, other = operands[index], operands[1 - index]
    # the declared shapes are only the program's word: a result that does not fit must not be forced into the operand
    fits = target.shape == other.shape or other.numel() == 1 or _spans(target, other)
    return function(*operands, out=target) if fits else function(*operands)


def _spans(target: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether the two broadcast to the shape of `target`."""
    padded = (1,) * (target.dim() - other.dim()) + tuple(other.shape)
    return len(padded) == target.dim() and all(size in (1, to) for size, to in zip(padded, target.shape, strict=True))


def _plain(function: Function) -> Semantics:
    return lambda _: Kernel(("x", "y"), function)


_ARITHMETIC: dict[str, Semantics] = {
    "add": _arithmetic(torch.add),
    "mul": _arithmetic(torch.mul),
    "sub": _arithmetic(torch.sub),
    "real_div": _real_division,
    "floor_div": _plain(torch.floor_divide),
    # the result has the sign of the divisor, as in Python
    "mod": _plain(torch.remainder),
    "pow": _plain(torch.pow),
}

_SELECTION: dict[str, Semantics] = {
    "maximum": _plain(torch.maximum),
    "minimum": _plain(torch.minimum),
    "equal": _plain(torch.eq),
    "not_equal": _plain(torch.ne),
    "less": _plain(torch.lt),
    "less_equal": _plain(torch.le),
    "greater": _plain(torch.gt),
    "greater_equal": _plain(torch.ge),
    "logical_and": _plain(torch.logical_and),
    "logical_or": _plain(torch.logical_or),
    "logical_xor": _plain(torch.logical_xor),
}


def _declare() -> None:
    for table, effect in ((_ARITHMETIC, Effect.ARITHMETIC), (_SELECTION, Effect.SELECTION)):
        for name, bind in table.items():
            FAMILY.operator(name, effect=effect)(bind)


_declare()
