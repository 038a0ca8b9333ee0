"""What every protocol is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mobiledeploy.bench.series import Series
    from mobiledeploy.records import Figure, MeasurementPlan

__all__ = ["LatencyProtocol"]


class LatencyProtocol(Protocol):
    """`name`: on the command line."""

    name: str

    def plan(self, base: MeasurementPlan) -> MeasurementPlan:
        """`base` with the numbers of rounds and predictions that the protocol asks for."""

    def figure(self, series: Series) -> Figure:
        """Its figure, or the reason why the run has not its form."""
