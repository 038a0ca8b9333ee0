"""Activation functions by name: what each computes, and the fewest ATen operators that say it.

A form is written once, `form(op, x, *parameters)`: it gives values where `op` calls the operator, and nodes where `op`
inserts it into a graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.pointwise import FEW, Function, equal_functions

__all__ = ["ACTIVATIONS", "Activation", "Named", "activation", "name_of"]

# At the few points no two functions of the table, and nothing else by chance, are as close as this.
_FAR = 1e-6

Form = Callable[..., Any]
Fit = Callable[[Function], tuple[float, ...] | None]


@dataclass(frozen=True)
class Activation:
    """`form(op, x, *parameters)` is the function. `fit` reads the parameters off a function of the family, or gives
    None where it belongs to none; a function without parameters has an empty fit. `defaults`: the parameters where a
    user names the family alone. `limit`: the function that torch's operator stands for where it takes a short cut that
    no float32 shows."""

    name: str
    form: Form
    fit: Fit = field(default=lambda _: ())
    defaults: tuple[float, ...] = ()
    limit: Form | None = None

    def function(self, *parameters: float) -> Function:
        return functools.partial(_values, self.form, parameters)

    def insert(self, graph: fx.Graph, source: fx.Node, parameters: Sequence[float], like: fx.Node) -> fx.Node:
        """At the graph's insert point; with the provenance of `like`."""

        def op(target: Callable[..., Any], *args: Any, **kwargs: Any) -> fx.Node:
            node = graph.call_function(target, args, kwargs)
            fakes = fx.node.map_arg((args, kwargs), lambda n: n.meta["val"])
            with like.meta["val"].fake_mode:
                node.meta = {**like.meta, "val": target(*fakes[0], **fakes[1])}
            return node

        return self.form(op, source, *parameters)  # type: ignore[no-any-return]

    @functools.cached_property
    def operators(self) -> tuple[Callable[..., Any], ...]:
        """What its form is made of, in order."""
        calls: list[Callable[..., Any]] = []
        self.form(lambda target, *_, **__: calls.append(target), None, *self.defaults)
        return tuple(calls)

    def parameters_of(self, function: Function) -> tuple[float, ...] | None:
        """The parameters with which this is `function`, or None."""
        parameters = self.fit(function)
        if parameters is None:
            return None
        forms = [self.form] if self.limit is None else [self.form, self.limit]
        candidates = (functools.partial(_values, form, parameters) for form in forms)
        return parameters if any(equal_functions(function, candidate) for candidate in candidates) else None


@dataclass(frozen=True)
class Named:
    """`activation` with the parameters it has at one place."""

    activation: Activation
    parameters: tuple[float, ...]

    @property
    def function(self) -> Function:
        return self.activation.function(*self.parameters)


def name_of(function: Function) -> Named | None:
    """The first of the table that `function` equals."""
    values = function(FEW)
    for known in ACTIVATIONS:
        if not known.defaults and bool(((values - _fingerprint(known)).abs() > _FAR).any()):
            continue
        parameters = known.parameters_of(function)
        if parameters is not None:
            return Named(known, parameters)
    return None


@functools.cache
def _fingerprint(known: Activation) -> torch.Tensor:
    return known.function()(FEW)


def activation(name: str) -> Activation | None:
    """By name."""
    return next((known for known in ACTIVATIONS if known.name == name), None)


def _values(form: Form, parameters: tuple[float, ...], x: torch.Tensor) -> torch.Tensor:
    def op(target: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> torch.Tensor:
        return target(*args, **kwargs)

    return form(op, x, *parameters)  # type: ignore[no-any-return]


def _at(function: Function, x: float) -> float:
    return float(function(torch.tensor([x], dtype=torch.float64))[0])


def _bounds(function: Function) -> tuple[float, ...] | None:
    """Of a clamp: where it stays, far out on either side."""
    low, high = _at(function, -1e12), _at(function, 1e12)
    return (low, high) if abs(low) < 1e6 and abs(high) < 1e6 and low < high else None


def _slope(function: Function) -> tuple[float, ...] | None:
    """Of a leaky ReLU: neither a ReLU, nor the identity, nor |x|."""
    slope = -_at(function, -1.0)
    return (slope,) if 1e-6 < slope < 1e6 and slope != 1.0 else None


def _limit(function: Function) -> tuple[float, ...] | None:
    """Of an ELU: what it tends to on the left, with the opposite sign."""
    alpha = -_at(function, -1e3)
    return (alpha,) if 1e-6 < alpha < 1e6 else None


def _beta(function: Function) -> tuple[float, ...] | None:
    """Of a softplus, log(1 + exp(beta x)) / beta: log 2 / beta at 0."""
    at_zero = _at(function, 0.0)
    if not 1e-6 < at_zero < 1e6:
        return None
    beta = 0.6931471805599453 / at_zero
    return (1.0,) if abs(beta - 1) < 1e-12 else (beta,)


ACTIVATIONS: tuple[Activation, ...] = (
    Activation("relu", lambda op, x: op(aten.relu.default, x)),
    # nn.ReLU6 is captured as a hardtanh.
    Activation("relu6", lambda op, x: op(aten.hardtanh.default, x, 0.0, 6.0)),
    Activation("sigmoid", lambda op, x: op(aten.sigmoid.default, x)),
    Activation("tanh", lambda op, x: op(aten.tanh.default, x)),
    # relu6(x + 3) / 6 and x relu6(x + 3) / 6 (Howard et al. 2019, MobileNetV3, arXiv:1905.02244, section 5.2)
    Activation("hardsigmoid", lambda op, x: op(aten.hardsigmoid.default, x)),
    Activation("hardswish", lambda op, x: op(aten.hardswish.default, x)),
    # x sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118)
    Activation("silu", lambda op, x: op(aten.silu.default, x)),
    # x Φ(x), its tanh form and x sigmoid(1.702 x) (Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2)
    Activation("gelu", lambda op, x: op(aten.gelu.default, x)),
    Activation("gelu_tanh", lambda op, x: op(aten.gelu.default, x, approximate="tanh")),
    Activation(
        "gelu_sigmoid",
        lambda op, x: op(aten.mul.Tensor, x, op(aten.sigmoid.default, op(aten.mul.Tensor, x, 1.702))),
    ),
    # x tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)
    Activation("mish", lambda op, x: op(aten.mish.default, x)),
    Activation("softsign", lambda op, x: op(aten.div.Tensor, x, op(aten.add.Tensor, op(aten.abs.default, x), 1.0))),
    Activation("log_sigmoid", lambda op, x: op(aten.log_sigmoid.default, x)),
    Activation("selu", lambda op, x: op(aten.selu.default, x)),
    # torch goes over to the identity beyond beta x = 20, which is 2e-9 away, where float32's spacing is 2e-6.
    Activation(
        "softplus",
        lambda op, x, beta: op(aten.softplus.default, x, beta, 20.0),
        _beta,
        (1.0,),
        limit=lambda op, x, beta: op(aten.softplus.default, x, beta, 64.0),
    ),
    Activation("elu", lambda op, x, alpha: op(aten.elu.default, x, alpha), _limit, (1.0,)),
    Activation("leaky_relu", lambda op, x, slope: op(aten.leaky_relu.default, x, slope), _slope, (0.01,)),
    Activation("hardtanh", lambda op, x, low, high: op(aten.hardtanh.default, x, low, high), _bounds, (-1.0, 1.0)),
)
