"""Intervals, drift and outliers: on samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from bench_examples import noisy, series, unit

from mobiledeploy.bench.intervals import median_interval, too_wide
from mobiledeploy.bench.stability import drift, outliers
from mobiledeploy.bench.summarize import summarize_unit
from mobiledeploy.records import Failure, Interval, MeasurementPlan, OperatorPlacement, Round, UnitRun


@pytest.mark.parametrize(("rounds", "unit_of"), [(20, "rounds"), (5, "rounds"), (4, "samples")])
def test_the_interval_is_the_percentile_bootstrap_written_out(rounds: int, unit_of: str) -> None:
    """Rounds (below five: samples) drawn with replacement, as many as there are, a thousand times; the median of each
    drawing; the percentiles 2.5 and 97.5 of the thousand medians."""
    values = noisy(11, rounds=rounds, between=0.03)
    units = values if unit_of == "rounds" else values.reshape(-1, 1)
    drawn = np.random.default_rng(0).integers(0, len(units), (1000, len(units)))
    medians = np.median(units[drawn].reshape(1000, -1), axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    found = median_interval(series(values))
    # durations travel as whole nanoseconds
    assert (found.low_ms, found.high_ms) == pytest.approx((low, high), abs=1e-6)
    assert found.resampled == unit_of


def test_the_interval_of_rounds_of_different_lengths_is_the_same_written_out() -> None:
    """A run that was stopped has a shorter last round: where it is drawn, it brings fewer values."""
    values = noisy(12, rounds=8, between=0.03)
    rounds = [*values[:-1], values[-1][:7]]
    drawn = np.random.default_rng(0).integers(0, 8, (1000, 8))
    medians = [np.median(np.concatenate([rounds[index] for index in one])) for one in drawn]
    low, high = np.percentile(medians, (2.5, 97.5))
    found = median_interval(series(rounds))
    assert (found.low_ms, found.high_ms) == pytest.approx((low, high), abs=1e-6)


def test_few_rounds_are_resampled_by_sample_and_one_sample_has_no_interval() -> None:
    assert median_interval(series(noisy(0, rounds=4))).resampled == "samples"
    assert median_interval(series([[1.0]])) is None
    assert median_interval(series([])) is None


def test_equal_samples_have_an_interval_of_no_width() -> None:
    found = median_interval(series([[2.0] * 50] * 20))
    assert (found.low_ms, found.high_ms, found.confidence) == (2.0, 2.0, 0.95)


def test_the_same_samples_give_the_same_interval() -> None:
    assert median_interval(series(noisy(3))) == median_interval(series(noisy(3)))


def test_an_interval_is_too_wide_beyond_one_per_cent_to_each_side() -> None:
    assert not too_wide(Interval(0.9901, 1.01, 0.95, "rounds"), 1.0)
    assert too_wide(Interval(0.98, 1.01, 0.95, "rounds"), 1.0)


def test_a_rising_run_drifts_by_what_it_rose() -> None:
    rising = noisy(1) * np.linspace(1.0, 1.2, 20)[:, None]
    assert drift(series(rising)) == pytest.approx(0.2 / 1.1, abs=0.02)
    assert drift(series(rising[::-1])) == pytest.approx(-0.2 / 1.1, abs=0.02)


def test_drift_is_the_slope_over_the_run_by_the_median() -> None:
    """Six rounds whose medians rise by 2 each, from 100 to 110; the median is 105. One sample of each is far out."""
    rounds = [[100.0 + 2 * r] * 9 + [1000.0 * (6 - r)] for r in range(6)]
    assert drift(series(rounds)) == pytest.approx(10 / 105, rel=1e-12)
    assert drift(series(rounds[::-1])) == pytest.approx(-10 / 105, rel=1e-12)


def test_a_change_without_a_trend_is_no_drift() -> None:
    """The slope by Theil and Sen is 4 % over the run; up and down as it goes, Kendall's tau proves nothing."""
    medians = [1.0, 1.05, 0.99, 1.06, 1.0, 1.07, 1.01, 1.06]
    assert drift(series([[value] * 5 for value in medians])) is None


def test_a_trend_that_nobody_feels_is_none_and_so_are_too_few_rounds() -> None:
    assert drift(series([[1.0 + 0.0005 * r] * 50 for r in range(20)])) is None
    assert drift(series([[1.0 + r] * 50 for r in range(5)])) is None
    assert drift(series([[1.0] * 50] * 20)) is None


def test_outliers_are_counted_by_the_modified_z_score() -> None:
    """The MAD of 1..9 with 5 and another is 2: the limit is 3.5 * 1.4826 * 2 = 10.38 from the median, 5. With two far
    ones it is 3, and the limit 15.57."""
    body = [float(value) for value in range(1, 10)]
    assert outliers(np.array([*body, 5.0, 5.0])) == 0
    wide = np.array([*body, 5.0, 15.3])
    assert outliers(wide) == 0
    assert outliers(np.array([*body, 5.0, 15.5])) == 1
    assert outliers(np.array([*body, -10.6, 20.6])) == 2


def test_where_most_samples_are_equal_the_mean_deviation_takes_over() -> None:
    """One of 100 deviates by 1: the mean absolute deviation is 0.01, the limit 3.5 * 0.012533."""
    assert outliers(np.array([1.0] * 99 + [2.0])) == 1
    assert outliers(np.array([1.0] * 100)) == 0
    assert outliers(np.array([1.0, 50.0])) == 0
    # k of 100 deviate by 1: the limit 3.5 * 0.012533 k is below 1 up to 22 of them
    assert outliers(np.array([1.0] * 78 + [2.0] * 22)) == 22
    assert outliers(np.array([1.0] * 77 + [2.0] * 23)) == 0


def test_a_unit_is_summarized() -> None:
    placements = (
        OperatorPlacement("const", "w"),
        OperatorPlacement("conv", "a", "neuralEngine"),
        OperatorPlacement("conv", "b", "neuralEngine"),
        OperatorPlacement("relu", "c", "cpu"),
    )
    run = unit(
        [[1.0, 2.0, 3.0, 4.0, 5.0]],
        cold_load_ns=(9_000_000_000, 1_000_000_000, 2_000_000_000),
        cached_load_ns=30_000_000,
        first_prediction_ns=7_000_000,
        placements=placements,
        peak_footprint_bytes=3 << 20,
        failure=Failure("outputs", "it ended"),
    )
    found = summarize_unit(run, MeasurementPlan(rounds=1, iterations=5))
    assert (found.samples, found.median_ms, found.p90_ms, found.lowest_ms) == (5, 3.0, 4.6, 1.0)
    assert (found.cold_load_ms, found.cached_load_ms, found.first_prediction_ms) == (2000.0, 30.0, 7.0)
    assert found.operators == {"neuralEngine": 2 / 3, "cpu": 1 / 3}
    assert (found.peak_mebibytes, found.failure.message) == (3.0, "it ended")
    assert [each.protocol for each in found.figures] == ["modelbench", "mlperf-single-stream", "median"]


def test_only_timed_predictions_are_samples() -> None:
    """Neither those that warm up, nor a round that was stopped before its first."""
    rounds = (Round((0, 10), (1_000_000, 3_000_000), (50_000_000,)), Round((), (), (60_000_000,)))
    found = summarize_unit(UnitRun("all", rounds=rounds), MeasurementPlan())
    assert (found.samples, found.median_ms, found.lowest_ms) == (2, 2.0, 1.0)


def test_a_unit_that_never_ran_is_summarized_too() -> None:
    found = summarize_unit(unit([], failure=Failure("compile", "no")), MeasurementPlan())
    assert (found.samples, found.median_ms, found.lowest_ms, found.interval, found.warnings) == (
        0,
        None,
        None,
        None,
        (),
    )


def test_warnings_end_in_what_to_do() -> None:
    rising = noisy(1) * np.linspace(1.0, 1.4, 20)[:, None]
    rising[:, :5] = 30.0
    warnings = summarize_unit(unit(rising), MeasurementPlan()).warnings
    assert [warning.partition(": ")[2] for warning in warnings] == [
        "let the device cool down and measure again",
        "measure more rounds",
        "close other apps and measure again",
    ]
    assert "% slower over the run" in warnings[0]
    assert "% faster over the run" in summarize_unit(unit(rising[::-1]), MeasurementPlan()).warnings[0]
    assert warnings[2].startswith("100 of 1000 samples are outliers")
    assert summarize_unit(unit(noisy(2)), MeasurementPlan()).warnings == ()
    few = noisy(2)
    few[:, 0] = 30.0
    assert outliers(few.ravel()) == 20
    assert summarize_unit(unit(few), MeasurementPlan()).warnings == ()
