"""Outputs keep their names, one by one, also where several are the same tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_programs import IMAGE, TENSOR, example, largest_difference, operations_of, program_of, specification_of

from mobiledeploy import mil
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.errors import TargetError
from mobiledeploy.targets.coreml_outputs import Alias, without_aliases

Convert = Callable[..., Path]


def _twice(net: Any, x: torch.Tensor) -> Any:
    y = net.conv(x)
    return {"one": y, "relu": y.relu(), "two": y}


def _given_back(net: Any, x: torch.Tensor) -> Any:
    return {"same": x, "doubled": x * 2}


def _named_like_nodes(net: Any, x: torch.Tensor) -> Any:
    return {"relu": net.conv(x), "conv2d": net.conv(x).relu(), "mul": x * 2}


def _constant(net: Any, x: torch.Tensor) -> Any:
    return {"weight": net.conv.weight * 1, "sum": x.sum()}


@pytest.mark.parametrize("function", [_twice, _given_back, _named_like_nodes, _constant])
def test_every_output_has_its_own_name_and_value(convert: Convert, function: Callable[..., Any]) -> None:
    program = program_of(function)
    package = convert(program, "coreml", precision="float32")
    assert {feature.name for feature in specification_of(package).description.output} == set(program.outputs)
    x = example(TENSOR)
    outputs = mil.load(package).predict({"x": x.numpy()})
    for name, expected in zip(program.outputs, evaluate(program, (x,), dtype=torch.float32), strict=True):
        assert largest_difference(outputs[name], expected) < 1e-5


def test_a_repeated_output_is_computed_once(convert: Convert) -> None:
    assert operations_of(convert(program_of(_twice), "coreml", precision="float32")) == ["conv", "relu", "identity"]


def test_a_picture_given_back_is_an_array(convert: Convert) -> None:
    package = convert(program_of(lambda net, image: (image.relu(), net.conv(image)), IMAGE), "coreml")
    types = [feature.type.WhichOneof("Type") for feature in specification_of(package).description.output]
    assert types == ["multiArrayType", "multiArrayType"]


def test_aliases_are_told_apart_from_results() -> None:
    program, aliases = without_aliases(program_of(lambda net, x: (x, x * 2, x)))
    assert program.outputs == ("output_1",)
    assert aliases == (Alias("output_0", "x"), Alias("output_2", "x"))


def test_a_model_that_computes_nothing_is_refused(convert: Convert) -> None:
    with pytest.raises(TargetError, match="gives its inputs back and computes nothing"):
        convert(program_of(lambda net, x: x), "coreml")
