"""Inputs and outputs that cannot be told apart, or lost their name, are refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_programs import program_of

from mobiledeploy.errors import TargetError
from mobiledeploy.targets.feature_names import check_distinct, check_kept
from mobiledeploy.targets.table import TARGETS
from mobiledeploy.targets.target import ConversionOptions


@pytest.mark.parametrize("outputs", [("y", "y"), ("x", "y")])
def test_two_of_one_name_are_refused(outputs: tuple[str, ...]) -> None:
    program = replace(program_of(lambda net, x: (x + 1, x + 2)), outputs=outputs)
    with pytest.raises(TargetError, match=f"2 inputs and outputs are called `{outputs[0]}`") as caught:
        check_distinct(program)
    assert caught.value.where == f"inputs x; outputs {', '.join(outputs)}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_checks_them(target, tmp_path) -> None:
    program = replace(program_of(lambda net, x: x + 1), outputs=("x",))
    with pytest.raises(TargetError, match="are called `x`"):
        target.convert(program, ConversionOptions(), tmp_path / f"net{target.suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_lost_name_is_named() -> None:
    check_kept(["a", "b"], ["b", "a", "c"], "Core ML")
    with pytest.raises(TargetError, match="Core ML does not take the name `b`; it has a, b_1"):
        check_kept(["a", "b"], ["a", "b_1"], "Core ML")
