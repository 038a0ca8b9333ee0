"""What passes and what fails, with its reason."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobiledeploy.parity.comparison import Standard, compare_outputs
from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PREDICTED_CLASS, PROBABILITIES

HALF = Standard("float16", 40.0)
LOGITS = np.zeros((1, 1000), np.float32)
LOGITS[0, :5] = [10.0, 5.0, 4.0, 3.0, 2.0]
MAP = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)


def only(expected, found, standard=HALF):
    (result,) = compare_outputs("sample", {"y": expected}, found, standard)
    return result


def changed(array, **places):
    copy = array.copy()
    for index, value in places.items():
        copy.flat[int(index.lstrip("_"))] = value
    return copy


def test_an_equal_output_passes():
    result = only(LOGITS, {"y": LOGITS.copy()})
    assert result.passed
    assert (result.input, result.output, result.psnr_db, result.reason) == ("sample", "y", math.inf, None)
    assert (result.top1, result.top5, result.margin_decides) == (True, 1.0, True)


def test_a_map_of_classes_at_the_inputs_size_is_compared_pixel_by_pixel():
    expected = np.zeros((1, 3, 4, 4), np.float32)
    expected[0, 1] = 1.0
    found = expected.copy()
    found[0, 2, :2, :2] = 1.001
    dense = Standard("float16", 0.0, frozenset({(4, 4)}))
    assert only(expected, {"y": found}, dense).pixels == 12 / 16
    assert only(expected, {"y": expected}, dense).pixels == 1.0


@pytest.mark.parametrize(
    ("shape", "sizes"), [((1, 3, 4, 4), {(8, 8)}), ((1, 1, 4, 4), {(4, 4)}), ((3, 4, 4), {(4, 4)}), ((1, 3), {(4, 4)})]
)
def test_features_of_another_size_and_single_channels_rank_no_pixels(shape, sizes):
    values = np.ones(shape, np.float32)
    assert only(values, {"y": values}, Standard("float16", 40.0, frozenset(sizes))).pixels is None


def test_what_ranks_nothing_has_no_ranking():
    result = only(MAP, {"y": MAP + 1e-4})
    assert result.passed
    assert (result.top1, result.top5, result.margin_decides) == (None, None, True)


def test_outputs_come_in_the_references_order_and_further_ones_are_not_looked_at():
    found = {"c": MAP, "b": MAP, "a": MAP}
    assert [r.output for r in compare_outputs("s", {"b": MAP, "a": MAP}, found, HALF)] == ["b", "a"]


@pytest.mark.parametrize(
    ("expected", "found", "reason"),
    [
        (MAP, {}, "the artifact gives no output `y`; its tensors: none"),
        (MAP, {"a": MAP, PREDICTED_CLASS: MAP}, "the artifact gives no output `y`; its tensors: `a`"),
        (MAP, {"y": MAP[0]}, "its shape is (3, 4, 4), the original's (1, 3, 4, 4)"),
        (LOGITS, {"y": LOGITS[:, :999]}, "its shape is (1, 999), the original's (1, 1000)"),
        (MAP, {"y": changed(MAP, _3=np.nan, _4=np.inf)}, "1 of its 48 values are NaN"),
        (MAP, {"y": changed(MAP, _3=-np.inf, _4=np.inf)}, "2 of its 48 values are infinite"),
        (LOGITS, {"y": np.full_like(LOGITS, np.nan)}, "1000 of its 1000 values are NaN"),
        (MAP, {"y": MAP * 1.02}, "its PSNR of 38.6 dB is below 40 dB"),
        (MAP, {"y": np.zeros_like(MAP)}, "its PSNR of 4.6 dB is below 40 dB"),
        (np.zeros_like(MAP), {"y": MAP}, "its PSNR of -inf dB is below 40 dB"),
        (np.int64([[1, 2]]), {"y": np.int32([[2, 1]])}, "its PSNR of 6.0 dB is below 40 dB"),
    ],
)
def test_a_failure_says_why(expected, found, reason):
    result = only(expected, found)
    assert not result.passed
    assert result.reason == reason


def test_two_of_a_thousand_classes_exchanged_fail_although_the_psnr_passes():
    expected = changed(LOGITS, _1=8.0)
    result = only(expected, {"y": changed(expected, _0=8.0, _1=10.0)})
    assert result.psnr_db > 40.0
    assert not result.passed
    assert result.reason == "its best class is [1], the original's [0], which leads by more than rounding explains"
    assert (result.top1, result.top5, result.margin_decides) == (False, 1.0, True)


def test_a_flip_within_the_references_own_noise_is_recorded_and_passes():
    close = changed(LOGITS, _1=9.999)
    result = only(close, {"y": changed(close, _0=9.999, _1=10.0)})
    assert result.passed
    assert (result.top1, result.margin_decides) == (False, False)


def test_the_same_error_may_pass_in_fp16_and_fail_in_fp32():
    found = {"y": MAP + np.float32(1e-3)}
    assert only(MAP, found, Standard("float16", 40.0)).passed
    assert not only(MAP, found, Standard("float32", 90.0)).passed


@pytest.mark.parametrize(("label", "passes"), [([0], True), ([0, 500], True), ([1], False), ([], False)])
def test_the_predicted_label_is_held_to_the_best_class(label, passes):
    result = only(LOGITS, {"y": LOGITS, PREDICTED_CLASS: np.int64(label)})
    assert result.passed is passes
    assert result.top1 is passes
    if not passes:
        assert result.reason == f"its predicted label is that of class {label}, the original's best class is 0"


def test_the_predicted_label_is_not_held_to_a_doubtful_best_class():
    close = changed(LOGITS, _1=10.0)
    result = only(close, {"y": close, PREDICTED_CLASS: np.int64([1])})
    assert result.passed
    assert (result.top1, result.margin_decides) == (False, False)


def test_the_predicted_label_concerns_the_first_ranking_only():
    other = changed(np.zeros_like(LOGITS), _7=3.0)
    found = {"map": MAP, "y": LOGITS, "z": other, PREDICTED_CLASS: np.int64([0])}
    results = compare_outputs("s", {"map": MAP, "y": LOGITS, "z": other}, found, HALF)
    assert [(r.passed, r.top1) for r in results] == [(True, None), (True, True), (True, True)]


def test_the_dictionary_of_probabilities_stands_in_for_the_tensor_that_it_replaced():
    probabilities = np.float32([[0.5, 0.25, 0.125, 0.125]])
    expected = {"logits": np.log(probabilities), "probabilities": probabilities}
    found = {
        "logits": np.log(probabilities),
        PREDICTED_CLASS: np.int64([0]),
        PROBABILITIES: probabilities[:, [0, 3]],
        DISTINCT_CLASSES: np.int64([0, 3]),
    }
    first, second = compare_outputs("s", expected, found, HALF)
    assert first.passed
    assert second.passed
    assert (second.output, second.psnr_db) == ("probabilities", math.inf)
    found[PROBABILITIES] = np.float32([[0.5, 0.4]])
    assert not compare_outputs("s", expected, found, HALF)[1].passed


def test_a_scalar_may_come_with_shape_one():
    assert only(np.float32(3.0), {"y": np.float32([3.0])}).passed
    assert not only(np.float32([[3.0]]), {"y": np.float32([3.0])}).passed
