"""One compute unit of a report as figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.bench.intervals import WIDEST, median_interval, too_wide
from mobiledeploy.bench.protocols.table import PROTOCOLS
from mobiledeploy.bench.series import Series, series_of
from mobiledeploy.bench.stability import drift, outliers
from mobiledeploy.records import UnitSummary

if TYPE_CHECKING:
    from mobiledeploy.records import Interval, MeasurementPlan, UnitRun

__all__ = ["summarize_unit"]

_MANY_OUTLIERS = 0.05


def summarize_unit(unit: UnitRun, plan: MeasurementPlan) -> UnitSummary:
    """Everything that the samples alone say; parity and published latencies are put beside it elsewhere."""
    series = series_of(unit, plan)
    values = series.values
    interval, strange = median_interval(series), outliers(values)
    percentiles = [float(each) for each in np.percentile(values, (50, 90))] if len(values) else [None, None]
    return UnitSummary(
        unit.compute_units,
        len(values),
        median_ms=percentiles[0],
        p90_ms=percentiles[1],
        lowest_ms=float(values.min()) if len(values) else None,
        interval=interval,
        figures=tuple(protocol.figure(series) for protocol in PROTOCOLS),
        cold_load_ms=float(np.median(unit.cold_load_ns)) / 1e6 if unit.cold_load_ns else None,
        cached_load_ms=_milliseconds(unit.cached_load_ns),
        first_prediction_ms=_milliseconds(unit.first_prediction_ns),
        peak_mebibytes=unit.peak_footprint_bytes / 2**20 if unit.peak_footprint_bytes is not None else None,
        operators=_shares(unit),
        outliers=strange,
        warnings=tuple(_warnings(series, percentiles[0], interval, strange)),
        failure=unit.failure,
    )


def _milliseconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6


def _shares(unit: UnitRun) -> Mapping[str, float]:
    """Constants have no device and are no operators that run."""
    counts = Counter(each.preferred for each in unit.placements if each.preferred is not None)
    return {device: count / counts.total() for device, count in counts.most_common()}


def _warnings(series: Series, median: float | None, interval: Interval | None, strange: int) -> Iterator[str]:
    trend = drift(series)
    if trend is not None:
        kind = "slower" if trend > 0 else "faster"
        yield f"it became {abs(trend):.0%} {kind} over the run: let the device cool down and measure again"
    if interval is not None and median is not None and too_wide(interval, median):
        yield f"the median is known to worse than ±{WIDEST:.0%}: measure more rounds"
    if strange > _MANY_OUTLIERS * len(series.values):
        yield f"{strange} of {len(series.values)} samples are outliers: close other apps and measure again"
