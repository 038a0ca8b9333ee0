"""MLPerf's single stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.records import Figure

if TYPE_CHECKING:
    from mobiledeploy.bench.series import Series
    from mobiledeploy.records import MeasurementPlan

__all__ = ["SingleStreamProtocol"]

_QUERIES, _SECONDS, _ITERATIONS = 1024, 60.0, 64


class SingleStreamProtocol:
    """The 90th percentile of at least 1024 queries that took at least 60 s together (MLPerf Inference rules, single
    stream). The percentile is the one of LoadGen: of n sorted latencies that with the index floor(0.9 n)."""

    name = "mlperf-single-stream"

    def plan(self, base: MeasurementPlan) -> MeasurementPlan:
        rounds = _QUERIES // _ITERATIONS
        return replace(base, rounds=rounds, iterations=_ITERATIONS, reload=False, minimum_seconds=_SECONDS)

    def figure(self, series: Series) -> Figure:
        values = np.sort(series.values)
        seconds = float(values.sum()) / 1e3
        if len(values) < _QUERIES or seconds < _SECONDS:
            taken = f"{len(values)} in {seconds:.1f} s"
            return Figure(self.name, None, f"it takes {_QUERIES} queries and {_SECONDS:g} s; this run has {taken}")
        if series.plan.reload:
            return Figure(self.name, None, "it takes one stream without reloading in between")
        return Figure(self.name, float(values[len(values) * 9 // 10]))
