"""Runs with samples that are easy to work out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.bench.series import Series, series_of
from mobiledeploy.records import MeasurementPlan, Round, UnitRun

if TYPE_CHECKING:
    import numpy as np

__all__ = ["series", "unit"]


def unit(rounds: Sequence[Sequence[float]], **fields) -> UnitRun:
    """Durations in ms, by round."""
    return UnitRun(
        "all",
        rounds=tuple(
            Round(tuple(10**9 * r + 10**6 * i for i in range(len(values))), tuple(round(v * 1e6) for v in values))
            for r, values in enumerate(rounds)
        ),
        **fields,
    )


def series(rounds: Sequence[Sequence[float]] | np.ndarray, **plan) -> Series:
    return series_of(unit(rounds), MeasurementPlan(**plan))
