"""Activations in Core ML: the fewest operators that it has for each, and torch's values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_programs import TENSOR, example, largest_difference, operations_of, program_of
from torch.nn import functional as F

from mobiledeploy import mil

Convert = Callable[..., Path]
Function = Callable[[torch.Tensor], torch.Tensor]

ACTIVATIONS: dict[str, tuple[Function, list[str]]] = {
    "relu": (F.relu, ["relu"]),
    "relu6": (F.relu6, ["relu6"]),
    "relu6 as captured of nn.ReLU6": (lambda x: F.hardtanh(x, 0.0, 6.0), ["clip"]),
    "hardtanh": (F.hardtanh, ["clip"]),
    "hardsigmoid": (F.hardsigmoid, ["sigmoid_hard"]),
    "hardswish": (F.hardswish, ["sigmoid_hard", "mul"]),
    "silu": (F.silu, ["silu"]),
    "gelu": (F.gelu, ["gelu"]),
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), ["gelu"]),
    "gelu, sigmoid": (lambda x: x * torch.sigmoid(1.702 * x), ["gelu"]),
    "gelu, sigmoid first": (lambda x: torch.sigmoid(x * 1.702) * x, ["gelu"]),
    "mish": (F.mish, ["softplus", "tanh", "mul"]),
    "softplus": (F.softplus, ["softplus"]),
    "elu": (lambda x: F.elu(x, 0.7), ["elu"]),
    "selu": (F.selu, ["elu", "mul"]),
    "celu": (F.celu, ["elu"]),
    "celu, 1.5": (lambda x: F.celu(x, 1.5), ["mul", "elu", "mul"]),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), ["leaky_relu"]),
    "log_sigmoid": (F.logsigmoid, ["mul", "softplus", "mul"]),
    "threshold": (lambda x: F.threshold(x, 0.25, -3.0), ["greater", "select"]),
    "softshrink": (lambda x: F.softshrink(x, 0.75), ["clip", "sub"]),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_few_operators_with_torchs_values(convert: Convert, name: str) -> None:
    function, operators = ACTIVATIONS[name]
    package = convert(program_of(lambda net, x: function(x * 4)), "coreml", precision="float32")
    assert operations_of(package)[1:] == operators
    x = example(TENSOR)
    (output,) = mil.load(package).predict({"x": x.numpy()}).values()
    assert largest_difference(output, function(x * 4)) < 1e-5


def test_all_of_them_convert_in_float16(convert: Convert) -> None:
    """With constants of the same type; 4 of 11 significant bits are left for the way through the exponentials."""
    functions = [function for function, _ in ACTIVATIONS.values()]
    package = convert(program_of(lambda net, x: [function(x) for function in functions]), "coreml")
    x = example(TENSOR)
    outputs = mil.load(package).predict({"x": x.numpy()}).values()
    for output, function in zip(outputs, functions, strict=True):
        assert largest_difference(output, function(x)) < 2**-7


def test_what_is_not_quite_the_sigmoid_form_stays(convert: Convert) -> None:
    package = convert(program_of(lambda net, x: x * torch.sigmoid(1.7 * x)), "coreml", precision="float32")
    assert operations_of(package) == ["mul", "sigmoid", "mul"]


def test_a_gate_that_is_read_elsewhere_stays(convert: Convert) -> None:
    def shared(net: object, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate = torch.sigmoid(1.702 * x)
        return x * gate, gate

    package = convert(program_of(shared), "coreml", precision="float32")
    assert operations_of(package) == ["mul", "sigmoid", "mul"]


@pytest.mark.parametrize("name", ["log_sigmoid", "gelu, sigmoid", "celu, 1.5"])
def test_far_out_nothing_overflows(convert: Convert, name: str) -> None:
    function, _ = ACTIVATIONS[name]
    package = convert(program_of(lambda net, x: function(x * 300)), "coreml", precision="float32")
    x = example(TENSOR)
    (output,) = mil.load(package).predict({"x": x.numpy()}).values()
    expected = function(x * 300)
    assert largest_difference(output, expected) <= 1e-6 * float(expected.abs().max())
