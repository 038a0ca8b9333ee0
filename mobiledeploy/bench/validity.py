"""Whether latencies may be quoted: the device's own judgement, and the host's from what the device watched."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.records import Validity
from mobiledeploy.records.job import ThermalState

if TYPE_CHECKING:
    from mobiledeploy.records import BenchmarkReport, ConditionSample

__all__ = ["judge"]

_HEAT: tuple[str, ...] = typing.get_args(ThermalState)
_LATEST = 2**63 - 1


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
        yield "the device is Xcode's simulator"
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
    hottest = _hottest(report)
    if _HEAT.index(hottest) > _HEAT.index(report.plan.hottest):
        yield f"the thermal state was {hottest} while samples were taken; the plan allows {report.plan.hottest}"


def _hottest(report: BenchmarkReport) -> str:
    """The hottest state that held while samples were taken: from its reading until the next one. Between rounds a
    device that is too hot is waited for, as the plan says."""
    rounds = [one for unit in report.units for one in unit.rounds if one.starts_ns]
    ordered = sorted(report.conditions, key=lambda sample: sample.at_ns)
    times = np.array([sample.at_ns for sample in ordered], np.int64)
    heat = np.array([_HEAT.index(sample.thermal) for sample in ordered], np.int64)
    held_at_first = np.searchsorted(times, [one.starts_ns[0] for one in rounds], "right") - 1
    last = np.searchsorted(times, [min(one.starts_ns[-1] + one.durations_ns[-1], _LATEST) for one in rounds], "right")
    for level in range(len(_HEAT) - 1, 0, -1):
        so_hot = np.concatenate(([0], np.cumsum(heat >= level)))  # readings before each
        if np.any(so_hot[last] > so_hot[np.maximum(held_at_first, 0)]):
            return _HEAT[level]
    return _HEAT[0]


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
