"""Runs with samples that are easy to work out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mobiledeploy.bench.series import Series, series_of
from mobiledeploy.records import MeasurementPlan, Round, UnitRun

__all__ = ["noisy", "series", "unit"]


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


def noisy(seed: int, rounds: int = 20, iterations: int = 50, between: float = 0.0) -> np.ndarray:
    """Around 1 ms, by 2 % within rounds and `between` among them."""
    generator = np.random.default_rng(seed)
    centres = 1.0 + between * generator.standard_normal((rounds, 1))
    return centres + 0.02 * generator.standard_normal((rounds, iterations))
