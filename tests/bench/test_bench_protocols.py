"""Each protocol's figure, worked by hand, and what has not its form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench_examples import series

from mobiledeploy.bench.protocols.table import PROTOCOLS, protocol_named
from mobiledeploy.errors import InputError
from mobiledeploy.records import MeasurementPlan

GENERATOR = np.random.default_rng(0)


def figure(name: str, rounds, **plan):
    return protocol_named(name).figure(series(rounds, **plan))


def test_modelbench_is_the_mean_of_the_middle_thirty_of_each_round() -> None:
    """Ten of each end are left out, however far out they lie; each round by itself."""
    rounds = [GENERATOR.permutation([0.001] * 10 + [r + 1.0] * 30 + [900.0] * 10) for r in range(20)]
    assert figure("modelbench", rounds).milliseconds == pytest.approx(10.5, rel=1e-12)


def test_modelbench_sorts_within_rounds_and_not_over_the_run() -> None:
    rounds = [[float(i + 1) for i in range(50)]] * 19 + [[1000.0 + i for i in range(50)]]
    by_hand = (19 * np.mean(range(11, 41)) + np.mean([1000 + i for i in range(10, 40)])) / 20
    assert figure("modelbench", rounds).milliseconds == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("rounds", "plan", "reason"),
    [
        ([[1.0] * 50] * 19, {}, "it takes 20 rounds of 50; this run has 19 rounds of 50 predictions"),
        (
            [[1.0] * 50] * 19 + [[1.0] * 49],
            {},
            "it takes 20 rounds of 50; this run has 20 rounds of 49, 50 predictions",
        ),
        ([], {}, "it takes 20 rounds of 50; this run has 0 rounds of no predictions"),
        ([[1.0] * 50] * 20, {"reload": False}, "it takes a reload and a warm-up before each round"),
        ([[1.0] * 50] * 20, {"warm_up": 0}, "it takes a reload and a warm-up before each round"),
    ],
)
def test_modelbench_needs_its_form(rounds, plan, reason: str) -> None:
    found = figure("modelbench", rounds, **plan)
    assert (found.milliseconds, found.reason) == (None, reason)


def test_single_stream_is_the_ninetieth_percentile_as_loadgen_takes_it() -> None:
    values = GENERATOR.permutation(np.arange(1, 2001) / 10.0).reshape(20, 100)
    # 2000 sorted values: the one with the index 1800 is the 1801st
    assert figure("mlperf-single-stream", values, reload=False).milliseconds == pytest.approx(180.1, rel=1e-12)


@pytest.mark.parametrize(
    ("rounds", "plan", "reason"),
    [
        ([[60.0] * 1023], {"reload": False}, "it takes 1024 queries and 60 s; this run has 1023 in 61.4 s"),
        ([[58.0] * 1024], {"reload": False}, "it takes 1024 queries and 60 s; this run has 1024 in 59.4 s"),
        ([[60.0] * 1024], {}, "it takes one stream without reloading in between"),
        ([], {"reload": False}, "it takes 1024 queries and 60 s; this run has 0 in 0.0 s"),
    ],
)
def test_single_stream_needs_its_form(rounds, plan, reason: str) -> None:
    found = figure("mlperf-single-stream", rounds, **plan)
    assert (found.milliseconds, found.reason) == (None, reason)


def test_the_median_is_over_all_samples_of_all_rounds() -> None:
    assert figure("median", [[1.0, 9.0], [2.0], [4.0]]).milliseconds == 3.0
    assert figure("median", []).reason == "no prediction was timed"


@pytest.mark.parametrize("milliseconds", [5.0, 500.0])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_the_plan_of_a_protocol_gives_a_run_of_its_form(protocol, milliseconds: float) -> None:
    plan = protocol.plan(MeasurementPlan(compute_units=("all",), warm_up=3))
    assert (plan.compute_units, plan.warm_up) == (("all",), 3)
    rounds = plan.rounds
    while rounds * plan.iterations * milliseconds < plan.minimum_seconds * 1e3:
        rounds += 1
    run = replace(series([[milliseconds] * plan.iterations] * rounds), plan=plan)
    assert protocol.figure(run).milliseconds == milliseconds


def test_modelbench_warms_up_though_the_base_does_not() -> None:
    plan = protocol_named("modelbench").plan(MeasurementPlan(warm_up=0, reload=False))
    assert (plan.rounds, plan.iterations, plan.warm_up, plan.reload) == (20, 50, 1, True)


def test_an_unknown_protocol_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="no protocol is called 'mean'") as refused:
        protocol_named("mean")
    assert refused.value.remedy == "Use one of modelbench, mlperf-single-stream, median."
