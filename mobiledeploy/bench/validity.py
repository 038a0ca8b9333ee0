"""Whether latencies may be quoted: the device's own judgement, and the host's from what the device watched."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mobiledeploy.records import Validity
from mobiledeploy.records.job import ThermalState

if TYPE_CHECKING:
    from mobiledeploy.records import BenchmarkReport, ConditionSample

__all__ = ["judge"]

_HEAT: tuple[str, ...] = typing.get_args(ThermalState)


def judge(report: BenchmarkReport) -> Validity:
    """Every reason of the device, then every one that the host finds and the device did not name."""
    reasons = list(dict.fromkeys([*report.validity.reasons, *_reasons(report)]))
    if not report.validity.valid and not reasons:
        reasons = ["the device says so"]
    return Validity(not reasons, tuple(reasons))


def _reasons(report: BenchmarkReport) -> Iterator[str]:
    if report.device.kind == "simulated":
        yield "the device is simulated"
    if report.device.kind == "simulator":
        yield "the device is a simulator"
    if report.app.configuration == "debug":
        yield "the app is a debug build"
    if report.failure is not None:
        yield f"the run failed ({report.failure.phase}): {report.failure.message}"
    during = _while_timed(report)
    if not during:
        yield "nothing was watched during the run"
    if any(sample.debugger for sample in during):
        yield "a debugger was attached"
    if any(sample.low_power for sample in during):
        yield "low power mode was on"
    if any(not sample.foreground for sample in during):
        yield "the app left the foreground"
    hottest = max((sample.thermal for sample in during), key=_HEAT.index, default="nominal")
    if _HEAT.index(hottest) > _HEAT.index(report.plan.hottest):
        yield f"the device was hotter than the plan allows: {hottest}, not {report.plan.hottest}"


def _while_timed(report: BenchmarkReport) -> list[ConditionSample]:
    """The conditions between the first and the last timed prediction, and the one that held when they began."""
    rounds = [one for unit in report.units for one in unit.rounds if one.starts_ns]
    if not rounds:
        return list(report.conditions)
    first = min(one.starts_ns[0] for one in rounds)
    last = max(one.starts_ns[-1] + one.durations_ns[-1] for one in rounds)
    ordered = sorted(report.conditions, key=lambda sample: sample.at_ns)
    before = [sample for sample in ordered if sample.at_ns <= first][-1:]
    return before + [sample for sample in ordered if first < sample.at_ns <= last]
