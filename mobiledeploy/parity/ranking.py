"""Whether a classifier still gives the same answer, and whether its answer was ever certain."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ranking", "agreeing_pixels", "is_class_map", "is_ranking", "margin_noise", "ranking", "spacing"]

_SIGNIFICAND_BITS = {"float16": 10, "mixed": 10, "float32": 23}
_SMALLEST_EXPONENT = {"float16": -14, "mixed": -14, "float32": -126}


@dataclass(frozen=True)
class Ranking:
    """`top1`: the best class agrees, in every row that decides (in every row, where none does). `top5`: the mean share
    of the reference's best five that is among the value's best five. `margin_decides`: some row's margin exceeds its
    noise, so that `top1` is held to account."""

    top1: bool
    top5: float
    margin_decides: bool


def is_ranking(reference: NDArray[np.generic]) -> bool:
    """Whether an output is a row of scores per picture: (N, K) of a floating dtype with at least two classes."""
    return reference.ndim == 2 and reference.shape[0] > 0 and reference.shape[1] > 1 and reference.dtype.kind == "f"


def is_class_map(reference: NDArray[np.generic], sizes: Collection[tuple[int, int]]) -> bool:
    """Whether an output gives scores of classes for every pixel of an input: (N, K, H, W) of a floating dtype with at
    least two classes, (H, W) one of the inputs' `sizes`."""
    return (
        reference.ndim == 4 and reference.shape[1] > 1 and reference.dtype.kind == "f" and reference.shape[2:] in sizes
    )


def agreeing_pixels(reference: NDArray[np.generic], value: NDArray[np.generic]) -> float:
    """The share of pixels, 0..1, whose best class is the same in two maps of classes; of equal scores the first."""
    return float(np.mean(np.argmax(reference, axis=1) == np.argmax(value, axis=1)))


def ranking(reference: NDArray[np.generic], value: NDArray[np.generic], noise: float) -> Ranking:
    """Agreement of two (N, K) arrays of scores; `noise` as `margin_noise` gives it. Of equal scores the first wins."""
    before, after = np.asarray(reference, np.float64), np.asarray(value, np.float64)
    best = np.sort(before, axis=1)[:, -2:]
    decides = best[:, 1] - best[:, 0] > noise
    agrees = np.argmax(before, axis=1) == np.argmax(after, axis=1)
    held = agrees[decides] if decides.any() else agrees
    return Ranking(bool(held.all()), _shared_best(before, after, min(5, before.shape[1])), bool(decides.any()))


def _shared_best(before: NDArray[np.float64], after: NDArray[np.float64], count: int) -> float:
    pairs = zip(_best(before, count), _best(after, count), strict=True)
    return float(np.mean([len(set(a) & set(b)) / count for a, b in pairs]))


def _best(scores: NDArray[np.float64], count: int) -> list[list[int]]:
    ordered: list[list[int]] = np.argsort(-scores, axis=1, kind="stable")[:, :count].tolist()
    return ordered


def margin_noise(reference: NDArray[np.generic], precision: str, observed_rmse: float, allowed_rmse: float) -> float:
    """The margin between the two best classes below which a right conversion may exchange them.

        noise = spacing(largest |score|) + 3 sqrt(2) min(observed_rmse, allowed_rmse)

    The first term is what storing costs: each of the two scores is rounded to the declared type, by at most half the
    spacing of its numbers. The second is what computing costs. The error of one score has the standard deviation that
    was observed as RMSE over all scores; the margin is the difference of two scores, hence sqrt(2); three standard
    deviations leave one unlucky exchange in about 700 at a margin that lies exactly there, and far fewer above. A
    package that is worse than its PSNR bar allows gains nothing by it: `allowed_rmse` caps the term.

    A flip beyond the noise therefore means that the error is gathered in the very classes that decide, like two
    classes exchanged, which hardly moves the PSNR of a thousand. Since a difference of two errors is at most
    sqrt(2 K) RMSE, the rule says nothing below K = 10 classes; there, the PSNR bar itself bounds what can flip.
    """
    magnitude = float(np.max(np.abs(np.asarray(reference, np.float64)), initial=0.0))
    return spacing(magnitude, precision) + 3.0 * math.sqrt(2.0) * min(observed_rmse, allowed_rmse)


def spacing(magnitude: float, precision: str) -> float:
    """The distance between neighbouring numbers of the type at `magnitude` (IEEE 754 binary16 and binary32, subnormal
    numbers included), as if its exponent had no upper end."""
    exponent = math.frexp(magnitude)[1] - 1 if magnitude > 0.0 else _SMALLEST_EXPONENT[precision]
    return math.ldexp(1.0, max(exponent, _SMALLEST_EXPONENT[precision]) - _SIGNIFICAND_BITS[precision])
