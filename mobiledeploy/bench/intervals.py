"""How well a run knows its own median."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from mobiledeploy.records import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.bench.series import Series

__all__ = ["CONFIDENCE", "WIDEST", "median_interval", "too_wide"]

CONFIDENCE = 0.95
WIDEST = 0.01
"""Half the width of the interval, over the median, up to which a run is long enough: a tenth of the 10 % by which
laboratories differ on the same model and phone (mobiledeploy/bench/iphone_latency.md)."""

_RESAMPLES = 1000
_LEAST_ROUNDS = 5
_SEED = 0


def median_interval(series: Series) -> Interval | None:
    """The percentile bootstrap of the median (Efron and Tibshirani 1993, chapter 13), seeded; None below 2 samples.

    Predictions of one round share a load, a clock and a temperature, so whole rounds are drawn, as Kalibera and Jones
    ("Rigorous benchmarking in reasonable time", ISMM 2013) ask; below five rounds single predictions are, and the
    interval is then too narrow where rounds differ.
    """
    values = series.values
    if len(values) < 2:
        return None
    by_round = len(series.rounds) >= _LEAST_ROUNDS
    units: list[NDArray[np.float64]] = (
        list(series.rounds) if by_round else [values[i : i + 1] for i in range(len(values))]
    )

    def median(indices: NDArray[np.intp]) -> Any:
        return np.median(np.concatenate([units[index] for index in indices]))

    found = stats.bootstrap(
        (np.arange(len(units)),),
        median,
        vectorized=False,
        n_resamples=_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high), CONFIDENCE, "rounds" if by_round else "samples")


def too_wide(interval: Interval, median_ms: float) -> bool:
    """Whether more rounds are worth taking."""
    return interval.high_ms - interval.low_ms > 2 * WIDEST * median_ms
