"""Elementwise functions."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten

# Coefficients of M. Giles, "Approximating the erfinv function", GPU Computing Gems 2011, single precision, highest
# power first.
_ERFINV_CENTRE = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
_ERFINV_TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


@FORMULAS.of(aten.acosh.default)
def acosh(x: Tensor) -> Tensor:
    """The two roots of x² - 1 apart, which overflows later."""
    return torch.log(x + torch.sqrt(x - 1) * torch.sqrt(x + 1))


@FORMULAS.of(aten.asinh.default)
def asinh(x: Tensor) -> Tensor:
    """log1p(|x| + x²/(1 + sqrt(1 + x²))) with x's sign: no cancellation at 0."""
    magnitude = x.abs()
    square = x * x
    return torch.sign(x) * torch.log1p(magnitude + square / (1 + torch.sqrt(1 + square)))


@FORMULAS.of(aten.angle.default)
def angle(x: Tensor) -> Tensor:
    return torch.where(x < 0, math.pi, torch.where(x == x, 0.0, x))  # noqa: PLR0124 - NaN stays NaN


@FORMULAS.of(aten.erfc.default)
def erfc(x: Tensor) -> Tensor:
    return 1 - torch.erf(x)


@FORMULAS.of(aten.erfinv.default)
def erfinv(x: Tensor) -> Tensor:
    w = -torch.log((1 - x) * (1 + x))
    centre = _polynomial(_ERFINV_CENTRE, w - 2.5)
    tail = _polynomial(_ERFINV_TAIL, torch.sqrt(w.clamp(min=5.0)) - 3)
    inner = x * torch.where(w < 5, centre, tail)
    return torch.where(x.abs() == 1, x * math.inf, inner)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Horner's scheme."""
    value = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


@FORMULAS.of(aten.fmax.default)
def fmax(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), y, torch.where(torch.isnan(y), x, torch.maximum(x, y)))


@FORMULAS.of(aten.fmin.default)
def fmin(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), y, torch.where(torch.isnan(y), x, torch.minimum(x, y)))


@FORMULAS.of(aten.fmod.Tensor, aten.fmod.Scalar)
def fmod(x: Tensor, y: Tensor | float) -> Tensor:
    return x - y * torch.div(x, y, rounding_mode="trunc")


@FORMULAS.of(aten.hypot.default)
def hypot(x: Tensor, y: Tensor) -> Tensor:
    """larger * sqrt(1 + (smaller / larger)²), which squares nothing above 1: fp16 overflows at 255²."""
    larger, smaller = torch.maximum(x.abs(), y.abs()), torch.minimum(x.abs(), y.abs())
    ratio = smaller / torch.where(larger == 0, 1.0, larger)
    return larger * torch.sqrt(1 + ratio * ratio)


@FORMULAS.of(aten.trunc.default)
def trunc(x: Tensor) -> Tensor:
    return torch.where(x < 0, torch.ceil(x), torch.floor(x)) if x.is_floating_point() else x


@FORMULAS.of(aten.frac.default)
def frac(x: Tensor) -> Any:
    return x - trunc(x)


@FORMULAS.of(aten.round.decimals)
def rounded(x: Tensor, *, decimals: int) -> Tensor:
    scale = 10.0 ** abs(decimals)
    return torch.round(x * scale) / scale if decimals >= 0 else torch.round(x / scale) * scale


@FORMULAS.of(aten.signbit.default)
def signbit(x: Tensor) -> Tensor:
    """1 / -0 is -inf."""
    return torch.where(x == 0, 1 / x, x) < 0 if x.is_floating_point() else x < 0


@FORMULAS.of(aten.copysign.Tensor)
def copysign(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(signbit(y), -x.abs(), x.abs())


@FORMULAS.of(aten.copysign.Scalar)
def copysign_of_number(x: Tensor, y: float) -> Tensor:
    return x.abs() * math.copysign(1.0, y)


@FORMULAS.of(aten.lerp.Scalar, aten.lerp.Tensor)
def lerp(x: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    return x + (end - x) * weight


@FORMULAS.of(aten.log_sigmoid.default)
def log_sigmoid(x: Tensor) -> Tensor:
    """min(x, 0) - log1p(exp(-|x|)), where no exponential overflows."""
    return x.clamp(max=0) - torch.log1p(torch.exp(-x.abs()))


@FORMULAS.of(aten.rrelu.default)
def rrelu(x: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """In eval mode the slope is the middle."""
    return NotImplemented if training else torch.where(x < 0, x * ((lower + upper) / 2), x)


@FORMULAS.of(aten.nan_to_num.default)
def nan_to_num(x: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    if not x.is_floating_point():
        return x
    limits = torch.finfo(x.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    finite = torch.where(x == math.inf, high, torch.where(x == -math.inf, low, x))
    return torch.where(torch.isnan(x), nan or 0.0, finite)


@FORMULAS.of(aten.clamp.default)
def clamp_by_numbers(x: Tensor, min: float | None = None, max: float | None = None) -> Any:
    """Whole bounds of a floating tensor as floating ones."""
    if not x.is_floating_point() or not (isinstance(min, int) or isinstance(max, int)):
        return NotImplemented
    return torch.clamp(x, None if min is None else float(min), None if max is None else float(max))


@FORMULAS.of(aten.clip.default)
def clip(x: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    return torch.clamp(x, min, max)


@FORMULAS.of(aten.logit.default)
def logit(x: Tensor, eps: float | None = None) -> Tensor:
    inner = x if eps is None else x.clamp(eps, 1 - eps)
    return torch.log(inner / (1 - inner))


@FORMULAS.of(aten.clamp.Tensor, aten.clip.Tensor)
def clamp(x: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor:
    bounded = x if min is None else torch.maximum(x, min)
    return bounded if max is None else torch.minimum(bounded, max)
