"""Intervals hold the truth, and noise is called a trend, as often as they say: over many runs whose truth is known."""

from __future__ import annotations

from bench_examples import noisy, series

from mobiledeploy.bench.intervals import median_interval
from mobiledeploy.bench.stability import drift


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    """Rounds differ by 3 %: drawing rounds covers the truth in most of 60 runs, drawing samples would in few."""
    held = 0
    for seed in range(60):
        found = median_interval(series(noisy(seed, between=0.03)))
        held += found.low_ms <= 1.0 <= found.high_ms
        assert found.resampled == "rounds"
    # 95 % are promised; the percentile bootstrap of 20 rounds is known to keep about 90
    assert held >= 48


def test_noise_drifts_as_rarely_as_the_level_says() -> None:
    found = [drift(series(noisy(seed, between=0.03))) for seed in range(200)]
    # 1 % level, and the change must be 2 % besides
    assert sum(change is not None for change in found) <= 6
