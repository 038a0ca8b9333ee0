"""Activations. Parameters per channel belong to the second axis.

NaN stays NaN wherever no condition on x decides. The sign of a zero is not documented: relu keeps that of x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Effect, Family, Kernel

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("activation")


@FAMILY.operator("relu", effect=Effect.SELECTION)
def relu(call: Call) -> Kernel:
    return Kernel(("x",), torch.relu_ if "x" in call.overwritable else torch.relu)


@FAMILY.operator("relu6", effect=Effect.SELECTION)
def relu6(call: Call) -> Kernel:
    if "x" in call.overwritable:
        return Kernel(("x",), lambda x: x.clamp_(0.0, 6.0))
    return Kernel(("x",), lambda x: x.clamp(0.0, 6.0))


@FAMILY.operator("gelu")
def gelu(call: Call) -> Kernel:
    """EXACT: x/2 (1 + erf(x/√2)). TANH_APPROXIMATION: x/2 (1 + tanh(√(2/π)(x + 0.044715 x³))).
    SIGMOID_APPROXIMATION: x sigmoid(1.702 x)."""
    gelu = torch.ops.aten.gelu_ if "x" in call.overwritable else functional.gelu
    functions = {
        "EXACT": gelu,
        "TANH_APPROXIMATION": lambda x: gelu(x, approximate="tanh"),
        "SIGMOID_APPROXIMATION": lambda x: torch.sigmoid_(1.702 * x).mul_(x),
    }
    return Kernel(("x",), call.choice("mode", functions, "EXACT"))


@FAMILY.operator("sigmoid")
def sigmoid(call: Call) -> Kernel:
    return Kernel(("x",), torch.sigmoid_ if "x" in call.overwritable else torch.sigmoid)


@FAMILY.operator("silu")
def silu(call: Call) -> Kernel:
    in_place = "x" in call.overwritable
    return Kernel(("x",), lambda x: functional.silu(x, inplace=in_place))


@FAMILY.operator("softplus")
def softplus(_: Call) -> Kernel:
    """log(1 + eˣ)."""
    return Kernel(("x",), _softplus)


@FAMILY.operator("softplus_parametric")
def softplus_parametric(call: Call) -> Kernel:
    """alpha log(1 + exp(beta x))."""
    alpha, beta = _per_channel(call, "alpha"), _per_channel(call, "beta")
    return Kernel(("x",), lambda x: alpha * _softplus(beta * x))


@FAMILY.operator("softsign")
def softsign(_: Call) -> Kernel:
    return Kernel(("x",), functional.softsign)


@FAMILY.operator("softmax")
def softmax(call: Call) -> Kernel:
    axis = call.axis("axis", "x", -1)
    return Kernel(("x",), lambda x: torch.softmax(x, axis))


@FAMILY.operator("elu")
def elu(call: Call) -> Kernel:
    """x above zero, alpha (eˣ - 1) below."""
    alpha = call.number("alpha")
    return Kernel(("x",), lambda x: torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0))))


@FAMILY.operator("leaky_relu")
def leaky_relu(call: Call) -> Kernel:
    alpha = call.number("alpha")
    return Kernel(("x",), lambda x: functional.leaky_relu(x, alpha))


@FAMILY.operator("prelu")
def prelu(call: Call) -> Kernel:
    """x above zero, alpha x below, alpha per channel."""
    alpha = _per_channel(call, "alpha")
    return Kernel(("x",), lambda x: torch.where(x > 0, x, alpha * x))


@FAMILY.operator("clamped_relu")
def clamped_relu(call: Call) -> Kernel:
    """min(beta, x) from zero up, min(beta, alpha x) below."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return Kernel(("x",), lambda x: torch.where(x >= 0, x, alpha * x).clamp_(max=beta))


@FAMILY.operator("thresholded_relu", effect=Effect.SELECTION)
def thresholded_relu(call: Call) -> Kernel:
    """x from alpha up, zero elsewhere, of NaN as well."""
    alpha = call.number("alpha")
    return Kernel(("x",), lambda x: torch.where(x >= alpha, x, torch.zeros((), dtype=x.dtype)))


@FAMILY.operator("linear_activation")
def linear_activation(call: Call) -> Kernel:
    """alpha x + beta."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return Kernel(("x",), lambda x: (x * alpha).add_(beta))


@FAMILY.operator("scaled_tanh")
def scaled_tanh(call: Call) -> Kernel:
    """alpha tanh(beta x)."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return Kernel(("x",), lambda x: (x * beta).tanh_().mul_(alpha))


@FAMILY.operator("sigmoid_hard")
def sigmoid_hard(call: Call) -> Kernel:
    """min(max(alpha x + beta, 0), 1)."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return Kernel(("x",), lambda x: (x * alpha).add_(beta).clamp_(0.0, 1.0))


def _softplus(x: torch.Tensor) -> torch.Tensor:
    """Linear from where float64 cannot tell the difference; ONNX has this form as one operator, and would overflow in
    the logarithm of a sum."""
    return functional.softplus(x, threshold=40.0)


def _per_channel(call: Call, parameter: str) -> torch.Tensor:
    """A constant with one entry per channel (or one for all), shaped to broadcast along the second axis."""
    value = call.tensor(parameter).reshape(-1)
    return value.reshape(-1, *(1,) * (call.rank("x") - 2))
