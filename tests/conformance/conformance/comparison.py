"""How far a prediction is from what was expected, beyond what the suite itself asks.

The suite's tolerance for fp16 programs is 0.5 absolute plus 5 % relative: outputs scaled by 1.02 pass most of its
tests, and zeros pass many. So every comparison is measured again, twice:

- `bound` (the bar): an element may be off by 0.0078 (2^-7, 16 units in the last place of an fp16 number) absolutely, or
  relatively where that is more: |actual - expected| <= 0.0078 max(1, |expected|);
- `scaled` (information): where all expected values are below 1 the absolute part shrinks with the largest of them, so
  that no tensor of small numbers passes as zeros, and none passes scaled by 1.02.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["BOUND", "Comparison", "measure"]

BOUND = 0.0078


@dataclass(frozen=True)
class Comparison:
    """`bound`, `scaled`: the largest error as a multiple of what is allowed, at most 1 where it holds; infinity where
    shapes, NaN or infinities differ. `zeros`: zeros in place of the prediction would pass the suite, too.
    `zeros_bound`: and would be within the bound."""

    bound: float
    scaled: float
    zeros: bool
    zeros_bound: bool


def measure(actual: Any, expected: Any, atol: float, rtol: float, mismatches: float = 0.0) -> Comparison:
    """Measures one comparison of the suite, which asked for |actual - expected| <= atol + rtol |expected|.

    `mismatches`: the share of elements that the suite lets differ by more; as many may be beyond the bound.
    """
    actual, expected = (np.asarray(value) for value in (actual, expected))
    try:
        actual, expected = np.broadcast_arrays(actual.astype(np.float64), expected.astype(np.float64))
    except ValueError:
        return Comparison(math.inf, math.inf, zeros=False, zeros_bound=False)
    size = np.abs(expected)
    finite = size[np.isfinite(size)]
    scale = min(1.0, float(finite.max())) if finite.size else 1.0
    zeros = np.zeros_like(expected)
    return Comparison(
        bound=_worst(actual, expected, BOUND * np.maximum(1.0, size), mismatches),
        scaled=_worst(actual, expected, BOUND * np.maximum(scale, size), mismatches),
        zeros=_worst(zeros, expected, atol + rtol * size, mismatches) <= 1,
        zeros_bound=_worst(zeros, expected, BOUND * np.maximum(1.0, size), mismatches) <= 1,
    )


def _worst(actual: np.ndarray, expected: np.ndarray, allowed: np.ndarray, mismatches: float) -> float:
    """The largest error over what is allowed, leaving out the share of elements that may differ."""
    if not expected.size:
        return 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.abs(actual - expected) / allowed
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    ratios = np.where(same, 0.0, np.where(np.isnan(ratios), np.inf, ratios))
    kept = np.sort(ratios, axis=None)[: ratios.size - int(mismatches * ratios.size)]
    return float(kept[-1]) if kept.size else 0.0
