"""Whether latencies may be quoted, by what was watched while they were taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobiledeploy.bench.validity import judge
from mobiledeploy.records import (
    AppIdentity,
    BenchmarkReport,
    ConditionSample,
    DeviceIdentity,
    Failure,
    MeasurementPlan,
    Round,
    UnitRun,
    Validity,
)

GOOD = ConditionSample(0, "nominal", False, True, False)
REPORT = BenchmarkReport(
    id="r",
    job="j",
    package="p",
    device=DeviceIdentity("phone", "iPhone13,2", "", "iOS", "18.1", "22B83", 6, 1 << 32),
    app=AppIdentity("0.1.0", "x", "release"),
    plan=MeasurementPlan(compute_units=("all",)),
    started="2026-11-20T12:00:00Z",
    duration_ns=100,
    clock="c",
    clock_resolution_ns=1,
    overhead_ns=0,
    units=(UnitRun("all", rounds=(Round((1000, 2000), (500, 500)), Round((3000,), (500,)))),),
    conditions=(GOOD,),
    validity=Validity(True),
)


def at(time: int, **changes) -> ConditionSample:
    return replace(GOOD, at_ns=time, **changes)


def test_an_undisturbed_run_of_a_release_build_on_a_phone_is_valid() -> None:
    assert judge(REPORT) == Validity(True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": replace(REPORT.device, kind="simulated")}, "the device is simulated"),
        ({"device": replace(REPORT.device, kind="simulator")}, "the device is Xcode's simulator"),
        ({"app": AppIdentity("0.1.0", "x", "debug")}, "the app is a debug build"),
        ({"conditions": ()}, "nothing was watched during the run"),
        ({"conditions": (at(3501), at(4000))}, "nothing was watched during the run"),
        ({"conditions": (GOOD, at(1500, debugger=True))}, "a debugger was attached"),
        ({"conditions": (GOOD, at(1500, low_power=True))}, "low power mode was on"),
        ({"conditions": (at(0, low_power=True),)}, "low power mode was on"),
        ({"conditions": (GOOD, at(3500, foreground=False))}, "the app left the foreground"),
        (
            {"conditions": (GOOD, at(1500, thermal="critical"), at(1600, thermal="serious"))},
            "the thermal state was critical while samples were taken; the plan allows fair",
        ),
        ({"failure": Failure("rounds", "killed", died=True)}, "the run failed (rounds): killed"),
        ({"validity": Validity(False, ("the screen was locked",))}, "the screen was locked"),
        ({"validity": Validity(False)}, "the device says so"),
    ],
)
def test_a_broken_condition_is_named(changes, reason: str) -> None:
    assert judge(replace(REPORT, **changes)) == Validity(False, (reason,))


@pytest.mark.parametrize(
    "conditions",
    [
        (at(0, low_power=True), at(900), at(5000, low_power=True)),
        (GOOD, at(3501, foreground=False)),
        (GOOD, at(1500, thermal="fair")),
        # two rounds, 1000 to 2500 and 3000 to 3500: in between the device was waited for
        (GOOD, at(2501, thermal="critical"), at(2999, thermal="fair")),
        (at(0, thermal="critical"), at(1000)),
        (GOOD, at(3501, thermal="critical")),
    ],
)
def test_what_was_so_before_or_after_the_samples_does_not_count(conditions) -> None:
    assert judge(replace(REPORT, conditions=conditions)).valid


@pytest.mark.parametrize(
    "conditions",
    [
        (at(0, thermal="serious"), at(3600)),
        (GOOD, at(2500, thermal="serious"), at(2999)),
        (GOOD, at(2900, thermal="serious")),
        (GOOD, at(3500, thermal="serious"), at(3500, thermal="fair")),
        (at(3600), at(2400, thermal="serious"), at(2450), GOOD),
    ],
)
def test_heat_holds_from_its_reading_until_the_next(conditions) -> None:
    reason = "the thermal state was serious while samples were taken; the plan allows fair"
    assert judge(replace(REPORT, conditions=conditions)).reasons == (reason,)


def test_hot_conditions_without_a_sample_do_not_count() -> None:
    stopped = replace(REPORT, units=(UnitRun("all"),), conditions=(at(0, thermal="critical"),))
    assert judge(stopped).valid


def test_a_reason_that_both_sides_find_stands_once() -> None:
    """The phone's words are the host's: simulators and heat, as ios_harness/Sources/LatencyCore has them."""
    sentences = Path(__file__).parents[2].joinpath("ios_harness/Sources/LatencyCore/ValidityCheck.swift").read_text()
    hot = replace(REPORT, conditions=(at(0, thermal="serious", low_power=True, foreground=False, debugger=True),))
    for report in (
        replace(hot, device=replace(REPORT.device, kind="simulator"), app=AppIdentity("0.1.0", "x", "debug")),
        replace(REPORT, device=replace(REPORT.device, kind="simulated")),
    ):
        for reason in judge(report).reasons:
            assert reason.partition(" serious")[0] in sentences
            assert reason.partition("serious ")[2].partition(";")[0] in sentences
    both = replace(
        REPORT,
        validity=Validity(False, ("low power mode was on",)),
        conditions=(at(0, low_power=True),),
    )
    assert judge(both).reasons == ("low power mode was on",)
