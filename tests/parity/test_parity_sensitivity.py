"""The operators to keep in float32: exactly those that parity needs, and the reason is measured, not guessed."""

from __future__ import annotations

import math

import pytest
import torch
from mixed_networks import Cancellation, Harmless, LinearAttention, Saturated, opened
from torch import nn

from mobiledeploy.parity.noise import UNKNOWN, Rounding
from mobiledeploy.parity.sensitivity import Verdict, smallest_float32_set
from mobiledeploy.records import InputSpec

SETS = {
    LinearAttention: ("matmul_1", "matmul_2", "div"),
    Saturated: ("mul_2", "add_1", "sqrt"),
    Cancellation: ("add", "sub"),
}


def found_set(found, bar_db=40.0):
    roundings = found.trial.roundings(found.half.reference.samples[0])
    return smallest_float32_set(found.names, roundings, found.trial.judge, bar_db=bar_db)


@pytest.mark.parametrize("network", SETS)
def test_the_set_is_exact_and_none_of_it_is_too_many(convert, network) -> None:
    found = opened(convert, network())
    assert not found.report.passed
    result = found_set(found)
    assert result.kept == SETS[network]
    assert result.minimal
    assert found.trial.judge(frozenset(result.kept)).passed
    for name in result.kept:
        assert not found.trial.judge(frozenset(result.kept) - {name}).passed, name


def test_few_executions_find_it(convert) -> None:
    """Twenty operators have a million sets: the measured roundings lead to the right one."""
    assert found_set(opened(convert, LinearAttention())).executions <= 8


def test_an_overflow_that_a_sigmoid_saturates_is_let_go_of(convert) -> None:
    """It is of infinite cost to the eye of a gradient only; executed, it harms nothing."""
    found = opened(convert, Saturated())
    assert "mul" in found.names
    assert "mul" not in found_set(found).kept


def test_a_network_that_needs_nothing_keeps_nothing(convert) -> None:
    assert found_set(opened(convert, Harmless())).kept == ()


def test_where_float32_itself_fails_there_is_no_set() -> None:
    result = smallest_float32_set(("a", "b"), (), lambda kept: Verdict(False, 17.0), bar_db=40.0)
    assert (result.kept, result.psnr_db, result.executions) == (None, 17.0, 1)


def test_no_single_operator_to_blame_still_takes_the_fewest(convert) -> None:
    """With a bar between what float16 reaches and what float32 does, rounding has to be spared somewhere."""
    found = opened(convert, Harmless(), bar_db=82.0)
    assert not found.report.passed
    result = found_set(found, bar_db=82.0)
    assert 0 < len(result.kept) < len(found.names)
    assert result.psnr_db >= 82.0
    assert result.minimal


@pytest.mark.parametrize("network", [Harmless, Cancellation])
def test_estimates_agree_with_execution(convert, network) -> None:
    """Every rounding at once, to first order: within 3 dB of what the float16 program is seen to be off by."""
    found = opened(convert, network())
    sample = found.half.reference.samples[0]
    power = math.fsum(rounding.power for rounding in found.trial.roundings(sample))
    seen = next(output.psnr_db for output in found.report.outputs if output.input == sample.name)
    assert -10 * math.log10(power) == pytest.approx(seen, abs=3.0)


def test_a_rounding_names_all_that_must_be_kept_to_be_without_it(convert) -> None:
    found = opened(convert, Cancellation())
    roundings = found.trial.roundings(found.half.reference.samples[0])
    regions = {rounding.maker: rounding.operators for rounding in roundings if len(rounding.operators) > 1}
    assert regions["add"] == {"add", "sub"}
    assert regions["conv2d"] == {"conv2d", "relu", "sin"}  # the relu passes on what the convolution rounded
    (weights,) = [r for r in roundings if r.operators == {"conv2d"} and r.maker == "conv2d"]
    assert weights.power > 0.0


def test_overflow_is_of_infinite_power(convert) -> None:
    found = opened(convert, LinearAttention())
    roundings = found.trial.roundings(found.half.reference.samples[0])
    assert {r.maker for r in roundings if r.power == UNKNOWN} == {"matmul_1", "matmul_2"}


class Indices(nn.Module):
    """Integers in: a gradient has to begin at the table. The square overflows."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(4, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.table(x) * 3000.0
        return self.head(torch.sqrt(x * x + 1.0).mean(1) * 1e-3)


def test_roundings_of_a_network_of_integers_are_measured_too(convert) -> None:
    found = opened(convert, Indices(), inputs=(InputSpec("x", (1, 16), dtype="int32"),))
    roundings = found.trial.roundings(found.half.reference.samples[0])
    assert sum(math.isinf(rounding.power) for rounding in roundings) == 2
    assert found_set(found).kept == ("mul_1", "add", "sqrt")


def test_what_no_gradient_tells_of_is_found_by_execution_alone() -> None:
    """All roundings unknown: the order is arbitrary, what remains is still needed to the last operator."""
    names = tuple("abcdefgh")
    needed = {"c", "f"}
    asked = []

    def judge(kept: frozenset[str]) -> Verdict:
        asked.append(kept)
        return Verdict(needed <= kept, 50.0 if needed <= kept else 10.0)

    roundings = [Rounding(name, frozenset({name}), UNKNOWN) for name in names]
    result = smallest_float32_set(names, roundings, judge, bar_db=40.0)
    assert result.kept == ("c", "f")
    assert result.minimal
    assert len(asked) == len(set(asked)) == result.executions


def test_executions_are_bounded() -> None:
    names = tuple(f"n{i}" for i in range(200))
    roundings = [Rounding(name, frozenset({name}), 1e-6) for name in names]
    judged = 0

    def judge(kept: frozenset[str]) -> Verdict:
        nonlocal judged
        judged += 1
        return Verdict(len(kept) >= 150, 40.0)

    result = smallest_float32_set(names, roundings, judge, bar_db=40.0, most_executions=20)
    assert judged == result.executions <= 21
    assert len(result.kept) >= 150
    assert not result.minimal


def test_the_costliest_roundings_are_spared_first() -> None:
    """a and b are one rounding between two operators: only both together spare it."""
    roundings = [
        Rounding("a", frozenset({"a", "b"}), 9e-4),
        Rounding("c", frozenset({"c"}), 2e-5),
        Rounding("d", frozenset({"d"}), 3e-5),
    ]

    def judge(kept: frozenset[str]) -> Verdict:
        power = math.fsum(r.power for r in roundings if not r.operators <= kept) or 1e-12
        return Verdict(power <= 1e-4, -10 * math.log10(power))

    assert smallest_float32_set(("a", "b", "c", "d"), roundings, judge, bar_db=40.0).kept == ("a", "b")
