"""The distance of an approximated model from its original is told, and fails nothing but a bound."""

from __future__ import annotations

import numpy as np
import pytest

from mobiledeploy.parity.comparison import Standard
from mobiledeploy.parity.drift import drift

HALF = Standard("float16", 40.0)

ORIGINAL = {"logits": np.array([[1.0, 2.0, 4.0]], np.float32), "mask": np.full((1, 2, 3), 2.0, np.float32)}


def test_an_output_far_away_passes_where_no_bound_is_given() -> None:
    found = {"logits": np.array([[9.0, 0.0, 0.0]], np.float32), "mask": np.zeros((1, 2, 3), np.float32)}
    logits, mask = drift("natural", ORIGINAL, found, HALF, None)
    assert (logits.input, logits.output, logits.passed, logits.reason) == ("natural", "logits", True, None)
    assert (logits.top1, logits.margin_decides) == (False, True)
    assert (mask.psnr_db, mask.max_relative, mask.top1) == (0.0, 1.0, None)


def test_below_the_bound_it_fails_with_both_numbers() -> None:
    found = ORIGINAL | {"mask": np.full((1, 2, 3), 1.8, np.float32)}
    logits, mask = drift("natural", ORIGINAL, found, HALF, 30.0)
    assert logits.passed
    assert not mask.passed
    assert mask.reason == "the approximations leave it 20.0 dB of the original, below 30 dB"
    assert drift("natural", ORIGINAL, found, HALF, 19.9)[1].passed


@pytest.mark.parametrize("margin", [1e-6, 0.01, 1.0])
def test_a_flip_counts_however_large_the_error_is_elsewhere(margin) -> None:
    """Rounding excuses a flip within its noise; an approximation is no rounding."""
    original = {"logits": np.array([[0.0, 4.0, 4.0 + margin]], np.float32)}
    found = {"logits": np.array([[1.0, 4.0 + margin, 4.0]], np.float32)}
    (logits,) = drift("natural", original, found, Standard("float32", 90.0), None)
    assert logits.top1 is False
