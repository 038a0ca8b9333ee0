"""The median, as Xcode's performance report has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.records import Figure

if TYPE_CHECKING:
    from mobiledeploy.bench.series import Series
    from mobiledeploy.records import MeasurementPlan

__all__ = ["MedianProtocol"]

_ROUNDS, _ITERATIONS = 10, 50


class MedianProtocol:
    """The median of all timed predictions: quick, and hardly moved by what else the phone does."""

    name = "median"

    def plan(self, base: MeasurementPlan) -> MeasurementPlan:
        return replace(base, rounds=_ROUNDS, iterations=_ITERATIONS, reload=False)

    def figure(self, series: Series) -> Figure:
        values = series.values
        if not len(values):
            return Figure(self.name, None, "no prediction was timed")
        return Figure(self.name, float(np.median(values)))
