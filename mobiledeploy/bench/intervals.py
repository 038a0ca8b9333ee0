"""How well a run knows its own median."""

from __future__ import annotations

from collections.abc import Callable
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
_HELD_VALUES = 2_000_000
"""Of resamples that are in memory at a time."""


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

    found = stats.bootstrap(
        (np.arange(len(units)),),
        _median_of(units),
        n_resamples=_RESAMPLES,
        batch=max(1, _HELD_VALUES // len(values)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high), CONFIDENCE, "rounds" if by_round else "samples")


def _median_of(units: list[NDArray[np.float64]]) -> Callable[..., Any]:
    """The median of the values of the units that are drawn, for `scipy.stats.bootstrap`, of many draws at once: the
    values are sorted once, and each counts as often as its unit was drawn."""
    values, unit = np.concatenate(units), np.repeat(np.arange(len(units)), [len(each) for each in units])
    order = np.argsort(values)
    values, unit = values[order], unit[order]

    def medians(drawn: NDArray[np.intp], axis: int) -> Any:
        draws = np.moveaxis(drawn, axis, -1).reshape(-1, len(units))
        first = np.arange(len(draws))[:, None] * len(units)
        times = np.bincount((draws + first).ravel(), minlength=draws.size).reshape(draws.shape)
        up_to = np.cumsum(times.astype(np.int32)[:, unit], axis=1, dtype=np.int32)
        count = up_to[:, -1:]
        below, above = ((up_to < rank).sum(axis=1) for rank in ((count + 1) // 2, count // 2 + 1))
        found = (values[below] + values[above]) / 2
        return found.reshape(drawn.shape[:-1])

    return medians


def too_wide(interval: Interval, median_ms: float) -> bool:
    """Whether more rounds are worth taking."""
    return interval.high_ms - interval.low_ms > 2 * WIDEST * median_ms
