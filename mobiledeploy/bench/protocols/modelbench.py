"""ModelBench, the app behind the published latencies of FastViT and MobileOne."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.records import Figure

if TYPE_CHECKING:
    from mobiledeploy.bench.series import Series
    from mobiledeploy.records import MeasurementPlan

__all__ = ["ModelBenchProtocol"]

_ROUNDS, _ITERATIONS, _TRIMMED = 20, 50, 10


class ModelBenchProtocol:
    """20 rounds of 50 predictions, the model reloaded and warmed up before each; each round sorted, the 10 lowest and
    the 10 highest left out, the other 30 averaged; the mean over rounds (apple/ml-fastvit, README and docs/latency)."""

    name = "modelbench"

    def plan(self, base: MeasurementPlan) -> MeasurementPlan:
        return replace(base, rounds=_ROUNDS, iterations=_ITERATIONS, warm_up=max(1, base.warm_up), reload=True)

    def figure(self, series: Series) -> Figure:
        reason = _form(series)
        if reason is not None:
            return Figure(self.name, None, reason)
        ordered = np.sort(np.stack(series.rounds), axis=1)
        return Figure(self.name, float(ordered[:, _TRIMMED:-_TRIMMED].mean()))


def _form(series: Series) -> str | None:
    lengths = [len(values) for values in series.rounds]
    if lengths != [_ITERATIONS] * _ROUNDS:
        taken = f"{len(lengths)} rounds of {', '.join(map(str, sorted(set(lengths)))) or 'no'} predictions"
        return f"it takes {_ROUNDS} rounds of {_ITERATIONS}; this run has {taken}"
    if not series.plan.reload or series.plan.warm_up < 1:
        return "it takes a reload and a warm-up before each round"
    return None
