"""Numbers that a format's types cannot hold are refused by name, not turned into infinity or wrapped around."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_programs import TENSOR, program_of
from torch import nn

from mobiledeploy.errors import TargetError
from mobiledeploy.records import InputSpec

Convert = Callable[..., Path]


def wide_program() -> object:
    program = program_of(lambda net, x: net.conv(x).relu())
    (weight,) = [node for node in program.graph.nodes if node.op == "get_attr" and "weight" in str(node.target)]
    program.constant(weight)[0, 0, 0, 0] = -1e5
    return program


@pytest.mark.parametrize("target", ["coreml", "onnx"])
def test_a_weight_beyond_float16_is_named(convert: Convert, target: str) -> None:
    with pytest.raises(TargetError, match=r"the weight `\w*conv_weight` holds 1e\+05, beyond float16") as caught:
        convert(wide_program(), target, precision="float16")
    assert caught.value.where is not None
    assert "small_programs.py:" in caught.value.where
    assert caught.value.remedy == "Give --precision mixed or float32, or scale that weight."


@pytest.mark.parametrize("target", ["coreml", "onnx"])
def test_float32_takes_it(convert: Convert, target: str) -> None:
    assert convert(wide_program(), target, precision="float32").exists()


@pytest.mark.parametrize("target", ["coreml", "onnx"])
def test_a_mask_may_overflow(convert: Convert, target: str) -> None:
    mask = torch.full((8, 8), -1e9).triu(1)
    assert convert(program_of(lambda net, x: (x + mask).softmax(-1)), target, precision="float16").exists()


def test_a_weight_at_the_limit_passes(convert: Convert) -> None:
    class Limit(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, torch.full((2, 8), 65504.0))

    assert convert(program_of(Limit(), TENSOR), "coreml", precision="float16").exists()


WIDE = [
    (lambda net, n: n + torch.tensor([2**40, 1]), "holds integers beyond 32 bits"),
    (lambda net, n: n + 2**40, "computes with 1099511627776, which takes more than 32 bits"),
]


@pytest.mark.parametrize(("function", "message"), WIDE)
def test_integers_beyond_32_bits_are_refused_by_core_ml(
    convert: Convert, function: Callable[..., torch.Tensor], message: str
) -> None:
    program = program_of(function, InputSpec("n", (3, 2), dtype="int64"))
    with pytest.raises(TargetError, match=message) as caught:
        convert(program, "coreml")
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("Core ML's integers have 32 bits")
