"""Ranges of values against float16's, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed_networks import INPUTS, LinearAttention, opened
from torch import nn

from mobiledeploy.mil.loading import load
from mobiledeploy.parity.ranges import LARGEST_HALF, ValueRange, value_ranges


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x * 1000.0) * 1e-5


def test_largest_smallest_and_the_share_that_loses_bits(convert) -> None:
    net = convert(Scaled(), INPUTS, precision="float32")
    x = np.zeros(INPUTS[0].shape, np.float32)
    x[0, 0, 0, :4] = (-2.0, 0.5, 1e-9, 1e-3)
    ranges = value_ranges(load(net.path), ({"x": x},))
    scaled = ranges["mul"]
    assert scaled.largest == pytest.approx(2000.0)
    assert scaled.smallest == pytest.approx(1e-6)
    assert scaled.subnormal == 0.25  # of the four that are not zero only 1e-6 is below 6.1e-5
    assert ranges["output"].subnormal == 1.0


def test_several_samples_are_one_range(convert) -> None:
    net = convert(Scaled(), INPUTS, precision="float32")
    samples = tuple({"x": np.full(INPUTS[0].shape, value, np.float32)} for value in (0.25, -8.0))
    found = value_ranges(load(net.path), samples)["mul"]
    assert (found.largest, found.smallest) == (pytest.approx(8000.0), pytest.approx(250.0))


@pytest.mark.parametrize(("largest", "overflows"), [(LARGEST_HALF, False), (65519.0, False), (65520.0, True)])
def test_overflow_begins_half_a_step_above_the_largest_number(largest, overflows) -> None:
    assert ValueRange(largest).overflows is overflows
    assert bool(torch.tensor(largest).half().isinf()) is overflows


def test_a_value_of_zeros_has_no_smallest() -> None:
    assert ValueRange().joined(ValueRange(3.0, 0.5, 0.1)) == ValueRange(3.0, 0.5, 0.1)
    assert ValueRange().smallest is None


def test_the_attention_that_overflows_is_seen_to(convert) -> None:
    found = opened(convert, LinearAttention())
    ranges = value_ranges(found.trial.exact, tuple(s.arrays for s in found.half.reference.samples))
    assert [name for name, known in ranges.items() if known.overflows] == ["matmul_1", "matmul_2"]
