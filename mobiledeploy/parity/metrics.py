"""How far an output is from the reference: every case defined, none silently good.

A value that is not finite, or has another number of elements, is infinitely far. All sums are taken in float64 and
scaled by their largest term, so that neither a tiny nor a huge output underflows or overflows into "equal".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Distance", "bar_rmse", "cosine", "distance", "psnr_db", "rmse"]


@dataclass(frozen=True)
class Distance:
    """The numbers of `records.OutputParity`. `rmse` is in the units of the output."""

    psnr_db: float
    max_absolute: float
    max_relative: float
    cosine: float
    rmse: float


_FARTHEST = Distance(psnr_db=-math.inf, max_absolute=math.inf, max_relative=math.inf, cosine=0.0, rmse=math.inf)


def distance(reference: NDArray[np.generic], value: NDArray[np.generic]) -> Distance:
    """Between two arrays of equal shape and any numeric or boolean dtype.

    | case                                   | psnr_db | max_absolute | max_relative | cosine |
    |----------------------------------------|---------|--------------|--------------|--------|
    | equal (also: both zero, both empty)    | inf     | 0            | 0            | 1      |
    | reference all zero, value not          | -inf    | max |value|  | inf          | 0      |
    | value all zero, reference not          | about 0 | peak         | 1            | 0      |
    | NaN or infinity in either              | -inf    | inf          | inf          | 0      |
    | the difference overflows float64       | -inf    | inf          | inf          | 0      |
    | shapes differ                          | -inf    | inf          | inf          | 0      |
    """
    if reference.shape != value.shape:
        return _FARTHEST
    before, after = np.asarray(reference, np.float64).ravel(), np.asarray(value, np.float64).ravel()
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return _FARTHEST
    with np.errstate(over="ignore"):
        largest, peak = _largest(before - after), _largest(before)
    if not math.isfinite(largest):
        return _FARTHEST
    relative = largest / peak if peak > 0 else 0.0 if largest == 0 else math.inf
    return Distance(psnr_db(before, after), largest, relative, cosine(before, after), rmse(before, after))


def psnr_db(reference: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """20 log10(peak / RMSE) in dB, peak = largest |reference|: the peak signal-to-noise ratio (ITU-T J.340, with the
    signal's own largest magnitude as the peak, as coremltools' tests have it). Infinity when equal; minus infinity
    when the reference is all zero and the value is not. Finite arrays of one shape."""
    noise, peak = rmse(reference, value), _largest(reference)
    if noise == 0.0:
        return math.inf
    # a difference of logarithms: the quotient itself may overflow
    return 20.0 * (math.log10(peak) - math.log10(noise)) if peak > 0.0 else -math.inf


def rmse(reference: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """sqrt(mean((reference - value)^2)); 0 for empty arrays."""
    difference = reference - value
    largest = _largest(difference)
    return largest * math.sqrt(float(np.mean(np.square(difference / largest)))) if largest > 0.0 else 0.0


def cosine(reference: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """The cosine of the angle between the flattened arrays, in -1..1: 1 for two zeros, 0 for a zero and another."""
    first, second = _largest(reference), _largest(value)
    if first == 0.0 or second == 0.0:
        return 1.0 if first == second else 0.0
    a, b = reference.ravel() / first, value.ravel() / second
    return max(-1.0, min(1.0, float(np.dot(a, b)) / math.sqrt(float(np.dot(a, a)) * float(np.dot(b, b)))))


def bar_rmse(reference: NDArray[np.generic], bar_db: float) -> float:
    """The RMSE of a value that stands exactly at a PSNR of `bar_db`."""
    return _largest(np.asarray(reference, np.float64)) * math.pow(10.0, -bar_db / 20.0)


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(values), initial=0.0))
