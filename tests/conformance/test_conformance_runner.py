"""What the conformance runner counts, and what it does not let pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conformance.case import Case, append_case, read_cases
from conformance.causes import CAUSES
from conformance.comparison import BOUND, measure
from conformance.recorder import Predicted, Recorder, Tally
from conformance.report import markdown, summary
from conformance.sampling import seed_of, select
from conformance.suites import SUITES

LOOSE = (0.5, 0.05)  # the suite's absolute and relative tolerance for fp16


@pytest.fixture
def recorder(monkeypatch) -> Recorder:
    for module, name in ((np.testing, "assert_allclose"), (np, "allclose"), (np, "array_equal")):
        monkeypatch.setattr(module, name, getattr(module, name))
    for name in ("assert_array_equal", "assert_equal"):
        monkeypatch.setattr(np.testing, name, getattr(np.testing, name))
    recorder = Recorder()
    recorder.watch_numpy()
    return recorder


def predicted(values) -> Predicted:
    return np.asarray(values, np.float32).view(Predicted)


def test_the_bound_is_absolute_below_one_and_relative_above() -> None:
    expected = np.array([0.5, 100.0])
    assert measure(np.array([0.5 + BOUND * 0.99, 100.0]), expected, *LOOSE).bound == pytest.approx(0.99)
    assert measure(np.array([0.5, 100.0 + BOUND * 101]), expected, *LOOSE).bound == pytest.approx(1.01)


def test_outputs_scaled_by_two_percent_are_within_the_suites_tolerance_and_beyond_the_bound() -> None:
    expected = np.random.default_rng(0).uniform(-2, 2, 100)
    np.testing.assert_allclose(expected * 1.02, expected, atol=LOOSE[0], rtol=LOOSE[1])
    assert measure(expected * 1.02, expected, *LOOSE).bound > 1


def test_small_values_are_held_to_their_own_scale() -> None:
    expected = np.linspace(-0.005, 0.005, 11)
    found = measure(np.zeros(11), expected, *LOOSE)
    assert found.bound < 1 < found.scaled
    assert found.zeros
    assert found.zeros_bound
    assert measure(expected * 1.02, expected, *LOOSE).scaled == pytest.approx(0.02 / BOUND)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_must_be_equal(wrong) -> None:
    assert measure([1.0, wrong], [1.0, wrong], *LOOSE).bound == 0
    assert measure([1.0, wrong], [1.0, 2.0], *LOOSE).bound == math.inf
    assert measure([1.0, 2.0], [1.0, wrong], *LOOSE).bound == math.inf


def test_shapes_that_do_not_fit_are_beyond_every_bound() -> None:
    assert measure(np.zeros((2, 3)), np.zeros((3, 2)), *LOOSE).bound == math.inf


def test_as_many_elements_may_be_beyond_the_bound_as_the_suite_lets_differ() -> None:
    expected = np.zeros(100)
    actual = np.where(np.arange(100) < 3, 1.0, 0.0)
    assert measure(actual, expected, *LOOSE, mismatches=0.03).bound == 0
    assert measure(actual, expected, *LOOSE, mismatches=0.02).bound > 1


def test_only_comparisons_of_predictions_count(recorder) -> None:
    np.testing.assert_allclose(np.ones(3), np.ones(3))
    np.testing.assert_equal((1, 3), (1, 3))
    np.testing.assert_equal(predicted([1.0]).shape, (1,))
    assert recorder.tally.comparisons == 0
    np.testing.assert_allclose(predicted([1.0]) * 2, np.array([2.0]))
    np.testing.assert_allclose(np.array([2.0]), predicted([2.0]))
    np.testing.assert_allclose([predicted([2.0])], [np.array([2.0])])
    assert np.allclose(predicted([2.0]), 2.0)
    assert recorder.tally.comparisons == 4


def test_a_failing_comparison_still_fails_and_is_no_pass(recorder) -> None:
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(predicted([1.0]), np.array([2.0]))
    assert not np.allclose(predicted([1.0]), 2.0)
    assert recorder.tally.comparisons == 0
    assert len(recorder.tally.differing) == 2


def test_a_tolerance_that_asks_nothing_is_no_comparison(recorder) -> None:
    np.testing.assert_allclose(predicted([1.0]), np.array([50.0]), atol=1e4, rtol=1e4)
    assert recorder.tally == Tally()


def test_labels_of_classifiers_count_and_a_share_may_differ(recorder) -> None:
    def compare_backend(outputs, expected_outputs, allow_mismatch_ratio=0.0):
        try:
            np.testing.assert_allclose(outputs["y"], expected_outputs["y"], atol=0.01)
        except AssertionError:
            if not allow_mismatch_ratio:
                raise
        return outputs

    watched = recorder.watch_backend(compare_backend)
    outputs = {"y": predicted([0.0, 1.0]), "label": "cat"}
    watched(outputs, {"y": np.zeros(2), "label": "cat"}, allow_mismatch_ratio=0.5)
    assert (recorder.tally.labels, len(recorder.tally.compared), recorder.tally.differing) == (1, 1, [])
    assert recorder.tally.bound == 0
    with pytest.raises(AssertionError):
        watched(outputs, {"y": np.zeros(2)})
    assert len(recorder.tally.differing) == 1


NAMES = [f"file::Class::{function}[{case}]" for function in ("many", "few") for case in range(90)][:95]


def test_a_sample_is_balanced_and_always_the_same() -> None:
    chosen = select(NAMES, 3, "0")
    assert sorted(name.partition("[")[0] for name in chosen) == ["file::Class::few"] * 3 + ["file::Class::many"] * 3
    assert chosen == select(reversed(NAMES), 3, "0")
    assert chosen != select(NAMES, 3, "1")
    assert select(NAMES, 2, "0") < chosen


def test_random_values_belong_to_the_case_and_the_seed() -> None:
    assert seed_of("a", "0") < 2**32
    assert len({seed_of(name, seed) for name in ("a", "b") for seed in ("0", "1")}) == 4


def test_records_are_read_back_the_last_one_counts_and_half_a_line_does_not(tmp_path) -> None:
    path = tmp_path / "records.jsonl"
    append_case(path, Case("a", "failed", bound=math.inf))
    append_case(path, Case("b", "passed", comparisons=1, bound=0.5))
    append_case(path, Case("a", "passed", comparisons=2, bound=0.1))
    with path.open("a") as file:
        file.write('{"name": "c", "cat')
    assert read_cases([path, tmp_path / "missing.jsonl"]) == {
        "a": Case("a", "passed", comparisons=2, bound=0.1),
        "b": Case("b", "passed", comparisons=1, bound=0.5),
    }


def test_what_is_beyond_the_bound_is_not_settled() -> None:
    assert Case("a", "passed", bound=1.0).settled
    assert not Case("a", "passed", bound=1.01).settled
    assert not Case("a", "failed").settled
    assert not Case("a", "unconverted").settled
    assert Case("a", "skipped").settled


def test_the_summary_counts_what_nobody_explains() -> None:
    cases = {
        case.name: case for case in (Case("a", "passed", comparisons=1), Case("b", "failed"), Case("c", "nothing"))
    }
    line = summary(SUITES["operators"], cases)
    assert line.startswith("operators: 3 cases: 1 passed, 0 rounding, 1 failed, 1 nothing")
    assert line.endswith("1 within 0.0078; 1 unexplained")


def test_the_suites_are_found_in_the_installed_coremltools() -> None:
    assert len(SUITES["operators"].files()) > 30
    assert SUITES["torch"].files() == ("converters/mil/frontend/torch/test/test_torch_ops.py",)


def test_every_cause_names_what_it_explains() -> None:
    for cause in CAUSES:
        assert cause.text.endswith(".")
        assert cause.name or cause.message
        assert "passed" in cause.categories or cause.message or cause.name


def test_a_part_of_a_suite_is_told_as_a_part() -> None:
    cases = {"f::a": Case("f::a", "passed", comparisons=1)}
    assert "A part of the suite: 1 of 7 cases" in markdown(SUITES["torch"], cases, 7)
    assert "A part of the suite" not in markdown(SUITES["torch"], cases, 1)
