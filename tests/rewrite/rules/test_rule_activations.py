"""Activations written out by hand become the operator that they are, and nothing that merely resembles one does."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.activations import NameActivations

RULES = (NameActivations(),)
ROOT2 = math.sqrt(2)
ROOT2_PI = math.sqrt(2 / math.pi)

WRITTEN = [
    ("hardswish", lambda x: x * F.relu6(x + 3) / 6),
    ("hardswish", lambda x: F.relu6(3 + x) * (1 / 6) * x),
    ("hardswish", lambda x: x * torch.clamp(x / 6 + 0.5, 0, 1)),
    ("hardswish", lambda x: x * F.hardsigmoid(x)),
    ("hardsigmoid", lambda x: (x + 3).clamp(0, 6) / 6),
    ("hardsigmoid", lambda x: F.relu6(x + 3) * 0.16666666666666666),
    ("silu", lambda x: torch.sigmoid(x) * x),
    ("silu", lambda x: x / (1 + torch.exp(-x))),
    ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
    ("tanh", lambda x: 2 * torch.sigmoid(2 * x) - 1),
    ("mish", lambda x: x * torch.tanh(F.softplus(x))),
    ("mish", lambda x: torch.log(1 + x.exp()).tanh() * x),
    ("softplus", lambda x: torch.log1p(torch.exp(2 * x)) / 2),
    ("gelu", lambda x: 0.5 * x * (1 + torch.erf(x / ROOT2))),
    ("gelu", lambda x: x * (torch.erf(x * 0.7071067811865476) + 1) / 2),
    ("gelu", lambda x: 0.5 * x * (1 + torch.tanh(ROOT2_PI * (x + 0.044715 * x**3)))),
    ("gelu", lambda x: 0.5 * x * (1 + torch.tanh(0.7978845608 * x * (1 + 0.044715 * x * x)))),
    ("leaky_relu", lambda x: torch.maximum(x, 0.1 * x)),
    ("leaky_relu", lambda x: torch.where(x > 0, x, 0.2 * x)),
    ("elu", lambda x: torch.where(x > 0, x, 0.7 * torch.expm1(x))),
    ("hardtanh", lambda x: torch.maximum(torch.minimum(x, torch.tensor(6.0)), torch.tensor(0.0))),
    ("relu", lambda x: (x + x.abs()) / 2),
    ("relu", lambda x: torch.where(x > 0, x, torch.zeros_like(x))),
]


@pytest.mark.parametrize(("operator", "function"), WRITTEN)
def test_a_written_activation_becomes_one_operator(rewritten, calls, operator, function) -> None:
    outcome = rewritten(calls(lambda _, x: function(x)), (2, 3, 4, 5), rules=RULES)
    assert outcome.operators == [operator]
    assert outcome.record("name-activations").matches >= 1


@pytest.mark.parametrize(
    ("operator", "function", "arguments"),
    [
        ("leaky_relu", lambda x: torch.maximum(x * 0.25, x), [0.25]),
        ("elu", lambda x: torch.where(x > 0, x, 0.5 * (x.exp() - 1)), [0.5]),
        ("hardtanh", lambda x: x.clamp(min=-2).clamp(max=3), [-2.0, 3.0]),
        ("softplus", lambda x: torch.log(1 + (x * 4).exp()) * 0.25, [4.0, 20.0]),
        ("elu", lambda x: F.celu(x, 1.0), [1.0]),
    ],
)
def test_parameters_are_read_off_the_function(rewritten, calls, operator, function, arguments) -> None:
    outcome = rewritten(calls(lambda _, x: function(x)), (2, 3), rules=RULES)
    (call,) = outcome.calls(operator)
    assert list(call.args[1:]) == pytest.approx(arguments, rel=1e-12)


def test_the_tanh_form_stays_the_tanh_form(rewritten, calls) -> None:
    module = calls(lambda _, x: 0.5 * x * (1 + torch.tanh(ROOT2_PI * (x + 0.044715 * x**3))))
    (call,) = rewritten(module, (2, 3), rules=RULES).calls("gelu")
    assert call.kwargs == {"approximate": "tanh"}


@pytest.mark.parametrize(
    ("operators", "function"),
    [
        (["add", "relu6", "mul", "div"], lambda x: x * F.relu6(x + 3) / 6.001),
        (["add", "relu6", "mul", "div"], lambda x: x * F.relu6(x + 2.999) / 6),
        (["mul", "sigmoid", "mul"], lambda x: x * torch.sigmoid(1.001 * x)),
        (["softplus"], lambda x: F.softplus(x, threshold=3)),
        (["abs", "add", "div"], F.softsign),
        (["clamp_min"], lambda x: x.clamp_min(1e-12)),
        (["clamp"], lambda x: x.clamp(0, 1e13)),
        (["clamp"], lambda x: x.clamp(min=1e-12)),
        (["maximum"], lambda x: torch.maximum(x, torch.tensor(1e-12))),
        (["add", "sigmoid", "mul"], lambda x: x * torch.sigmoid(x + 1e-12)),
        (["mul", "minimum", "maximum"], lambda x: torch.maximum(torch.minimum(x * 0.1, torch.tensor(9e5)), x * 0.1)),
    ],
)
def test_what_is_nearly_an_activation_is_left_alone(rewritten, calls, operators, function) -> None:
    outcome = rewritten(calls(lambda _, x: function(x)), (2, 3), rules=RULES)
    assert [operator for operator in outcome.operators if operator in operators] == outcome.operators
    assert outcome.record("name-activations").matches == 0


def test_a_gate_of_another_tensor_is_no_activation(rewritten, calls) -> None:
    module = calls(lambda _, x, y: x * torch.sigmoid(y))
    assert rewritten(module, (2, 3), (2, 3), rules=RULES).operators == ["sigmoid", "mul"]


def test_an_activation_whose_parts_are_read_elsewhere_is_refused_with_the_reason(rewritten, calls) -> None:
    def shared(_: object, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate = torch.sigmoid(x)
        return x * gate, gate

    outcome = rewritten(calls(shared), (2, 3), rules=RULES)
    assert outcome.operators == ["sigmoid", "mul"]
    assert outcome.reasons("name-activations") == ["parts of its silu are read elsewhere, too"]


def test_the_whole_recipe_names_before_it_folds_scales(rewritten, calls) -> None:
    """The division by 6 could go into the second convolution: one operator less, where naming saves three."""

    def block(module, x: torch.Tensor) -> torch.Tensor:
        y = module.first(x)
        return module.second(y * F.relu6(y + 3) / 6)

    module = calls(block, first=torch.nn.Conv2d(3, 8, 1), second=torch.nn.Conv2d(8, 4, 1))
    assert rewritten(module, (1, 3, 6, 6)).operators == ["conv2d", "hardswish", "conv2d"]
