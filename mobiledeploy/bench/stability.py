"""Whether the samples are of one thing: drift over the run, and samples that something else got into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.bench.series import Series

__all__ = ["drift", "outliers"]

_SIGNIFICANCE = 0.01
_LEAST_CHANGE = 0.02
_LEAST_ROUNDS = 6
_THRESHOLD = 3.5


def drift(series: Series) -> float | None:
    """The change of the rounds' medians over the run, as a share of the median, where there is a trend; else None.

    A trend is one by Kendall's tau against time (Mann, Econometrica 13, 1945) at the 1 % level whose slope by Theil and
    Sen (Sen, JASA 63, 1968) makes 2 % over the run: twice what the interval of the median may be wide. Below six rounds
    a monotonous run of medians is no proof (1 in 60 at five).
    """
    medians = np.array([np.median(values) for values in series.rounds])
    if len(medians) < _LEAST_ROUNDS or np.all(medians == medians[0]):
        return None
    times = np.arange(len(medians))
    slope = float(stats.theilslopes(medians, times).slope)
    change = slope * (len(medians) - 1) / float(np.median(medians))
    trend = stats.kendalltau(times, medians).pvalue < _SIGNIFICANCE
    return change if trend and abs(change) >= _LEAST_CHANGE else None


def outliers(values: NDArray[np.float64]) -> int:
    """How many samples have a modified z-score above 3.5 in magnitude (Iglewicz and Hoaglin, How to Detect and Handle
    Outliers, 1993): 0.6745 (x - median) / MAD; where the MAD is zero, because more than half of the samples are equal,
    (x - median) / (1.2533 times the mean absolute deviation) takes its place."""
    if len(values) < 3:
        return 0
    deviation = np.abs(values - np.median(values))
    spread = 1.4826 * float(np.median(deviation)) or 1.2533 * float(np.mean(deviation))
    return int(np.count_nonzero(deviation > _THRESHOLD * spread)) if spread > 0 else 0
