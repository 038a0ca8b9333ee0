"""Functions of one value, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.operator import Effect, Family, Kernel, Semantics

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("elementwise_unary")

Function = Callable[[torch.Tensor], torch.Tensor]

_ARITHMETIC: dict[str, tuple[Function, Function]] = {
    "acos": (torch.acos, torch.acos_),
    "asin": (torch.asin, torch.asin_),
    "atan": (torch.atan, torch.atan_),
    "atanh": (torch.atanh, torch.Tensor.atanh_),
    "cos": (torch.cos, torch.cos_),
    "cosh": (torch.cosh, torch.cosh_),
    "erf": (torch.erf, torch.erf_),
    "exp": (torch.exp, torch.exp_),
    "sin": (torch.sin, torch.sin_),
    "sinh": (torch.sinh, torch.sinh_),
    "sqrt": (torch.sqrt, torch.sqrt_),
    "square": (torch.square, torch.square_),
    "tan": (torch.tan, torch.tan_),
    "tanh": (torch.tanh, torch.tanh_),
}

# whatever fp16 holds, it also holds rounded, negated and without its sign; round is to even
_SELECTION: dict[str, tuple[Function, Function]] = {
    "abs": (torch.abs, torch.abs_),
    "ceil": (torch.ceil, torch.ceil_),
    "floor": (torch.floor, torch.floor_),
    "round": (torch.round, torch.round_),
    "logical_not": (torch.logical_not, torch.Tensor.logical_not_),
}


def _unary(fresh: Function, in_place: Function) -> Semantics:
    return lambda call: Kernel(("x",), in_place if "x" in call.overwritable else fresh)


def _declare() -> None:
    for table, effect in ((_ARITHMETIC, Effect.ARITHMETIC), (_SELECTION, Effect.SELECTION)):
        for name, (fresh, in_place) in table.items():
            FAMILY.operator(name, effect=effect)(_unary(fresh, in_place))


_declare()


@FAMILY.operator("sign", effect=Effect.SELECTION)
def sign(call: Call) -> Kernel:
    """-1, 0 (of either zero) or 1; NaN stays NaN, as in NumPy."""
    if call.type("x").dtype.is_float:
        return Kernel(("x",), lambda x: torch.where(x.isnan(), x, torch.sign(x)))
    return Kernel(("x",), torch.sign)


@FAMILY.operator("exp2")
def exp2(call: Call) -> Kernel:
    if call.type("x").dtype.is_float:
        return Kernel(("x",), torch.exp2)
    carrier = call.output_type().dtype.carrier
    return Kernel(("x",), lambda x: torch.exp2(x.double()).to(carrier))


@FAMILY.operator("inverse")
def inverse(call: Call) -> Kernel:
    """`1 / (x + epsilon)`."""
    epsilon = call.epsilon(1e-4)
    return Kernel(("x",), lambda x: (x + epsilon).reciprocal_())


@FAMILY.operator("rsqrt")
def rsqrt(call: Call) -> Kernel:
    """`1 / sqrt(x + epsilon)`."""
    epsilon = call.epsilon(1e-12)
    return Kernel(("x",), lambda x: (x + epsilon).rsqrt_())


@FAMILY.operator("log")
def log(call: Call) -> Kernel:
    """`log(x + epsilon)`."""
    epsilon = call.epsilon(1e-45)
    return Kernel(("x",), lambda x: (x + epsilon).log_())


@FAMILY.operator("clip", effect=Effect.SELECTION)
def clip(call: Call) -> Kernel:
    """`min(max(x, alpha), beta)`."""
    low, high = call.number("alpha"), call.number("beta")
    if "x" in call.overwritable:
        return Kernel(("x",), lambda x: x.clamp_(low, high))
    return Kernel(("x",), lambda x: x.clamp(low, high))


@FAMILY.operator("threshold", effect=Effect.SELECTION)
def threshold(call: Call) -> Kernel:
    """`max(x, alpha)`."""
    low = call.number("alpha") if call.type("x").dtype.is_float else call.integer("alpha")
    return Kernel(("x",), lambda x: x.clamp(min=low))


@FAMILY.operator("cast", effect=Effect.MOVEMENT)
def cast(call: Call) -> Kernel:
    """To the type named by `dtype`: floats to integers towards zero, out of range saturates; integers to narrower
    integers wrap around; to bool, zero is False. It rounds its own fp16 results: most casts only move."""
    try:
        target = DataType.named(call.text("dtype"))
    except KeyError:
        raise call.invalid(f"parameter 'dtype' is {call.text('dtype')!r:.40}") from None
    if target is DataType.STRING:
        raise call.invalid("parameter 'dtype' is 'string'")
    return Kernel(("x",), caster(call.type("x").dtype, target, rounds=call.rounds))


def caster(source: DataType, target: DataType, *, rounds: bool) -> Function:
    """The conversion of carried values from one element type to another; see `cast`."""
    carrier = target.carrier
    if target is DataType.FLOAT16 and source is not DataType.FLOAT16 and rounds:
        return lambda x: x.half().float()
    if target.is_float or target is DataType.BOOL or source is target:
        return lambda x: x.to(carrier)
    low, high = target.bounds
    if source.is_float:
        return lambda x: _saturate(x, low, high).to(carrier)
    return lambda x: _wrap(x, low, high).to(carrier)


def _saturate(x: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Truncated towards zero and held within the range; NaN gives 0. Doubles hold every bound of 32 bits exactly."""
    return x.double().nan_to_num_(nan=0.0).clamp_(low, high).trunc_().long()


def _wrap(x: torch.Tensor, low: int, high: int) -> torch.Tensor:
    if x.dtype == torch.bool:
        return x
    return (x.long() - low).remainder(high - low + 1) + low
