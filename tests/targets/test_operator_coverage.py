"""Torch's public functional API through both converters and their executors, held against torch in float32.

What cannot be converted is listed with the words of its refusal: an operator that is mended or breaks shows up here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from operator_expressions import EXPRESSIONS, REFUSED
from operator_suite import Suite, difference, expected_outputs, lines, outputs_of, program_of_suite

from mobiledeploy.errors import TargetError

Convert = Callable[..., Path]
TARGETS = ("coreml", "onnx")
# A few operators are sums of hundreds of terms in another order than torch's.
TOLERANCE = 1e-5


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", EXPRESSIONS)
def test_values_are_torchs(convert: Convert, family: str, target: str) -> None:
    expressions = [line for line in lines(EXPRESSIONS[family]) if target not in REFUSED.get(line, {})]
    suite = Suite(expressions)
    program = program_of_suite(suite)
    given = outputs_of(convert(program, target, precision="float32"), suite, program.outputs)
    wrong = {}
    for (name, expected), value in zip(expected_outputs(suite), given, strict=True):
        error = difference(value, expected)
        if not error <= TOLERANCE:
            wrong[f"{name}: {expressions[int(name.split('_')[0].removeprefix('e'))]}"] = error
    assert wrong == {}


CASES = [(line, target, message) for line, refusals in REFUSED.items() for target, message in refusals.items()]


@pytest.mark.parametrize(("expression", "target", "message"), CASES)
def test_a_refusal_names_the_operator(convert: Convert, expression: str, target: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        convert(program_of_suite(Suite([expression])), target, precision="float32")
    assert caught.value.remedy


def test_every_refused_expression_is_one_of_the_list() -> None:
    assert set(REFUSED) <= {line for text in EXPRESSIONS.values() for line in lines(text)}
