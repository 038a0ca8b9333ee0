"""The timed predictions of one compute unit, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.records import MeasurementPlan, UnitRun

__all__ = ["Series", "series_of"]


@dataclass(frozen=True)
class Series:
    """`rounds`: durations in ms, float64, in the order taken. `plan`: by which they were."""

    rounds: tuple[NDArray[np.float64], ...]
    plan: MeasurementPlan

    @property
    def values(self) -> NDArray[np.float64]:
        """All of them, in order."""
        return np.concatenate(self.rounds) if self.rounds else np.empty(0)


def series_of(unit: UnitRun, plan: MeasurementPlan) -> Series:
    """Rounds without a timed prediction are left out."""
    rounds = (np.asarray(one.durations_ns, np.float64) / 1e6 for one in unit.rounds if one.durations_ns)
    return Series(tuple(rounds), plan)
