"""Agreement of rankings, and the margin below which nobody is held to one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobiledeploy.parity.ranking import is_ranking, margin_noise, ranking, spacing


@given(st.floats(2.0**-24, 65472.0, width=16))
def test_fp16_spacing_is_numpys(magnitude):
    assert spacing(magnitude, "float16") == float(np.spacing(np.float16(magnitude)))


@given(st.floats(2.0**-149, 2.0**127, width=32))
def test_fp32_spacing_is_numpys(magnitude):
    assert spacing(magnitude, "float32") == float(np.spacing(np.float32(magnitude)))


@pytest.mark.parametrize(("precision", "smallest"), [("float16", 2.0**-24), ("float32", 2.0**-149)])
def test_the_spacing_at_zero_is_the_smallest_subnormal(precision, smallest):
    assert spacing(0.0, precision) == smallest


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((1, 1000), np.float32), True),
        (np.zeros((8, 2), np.float16), True),
        (np.zeros((1, 1), np.float32), False),
        (np.zeros((0, 5), np.float32), False),
        (np.zeros(1000, np.float32), False),
        (np.zeros((1, 21, 8, 8), np.float32), False),
        (np.zeros((1, 1000), np.int64), False),
    ],
)
def test_scores_per_picture_are_a_ranking_and_nothing_else_is(array, expected):
    assert is_ranking(array) is expected


def test_every_row_that_decides_is_held_to_account():
    """One picture of three is answered otherwise; the third row's margin of 0.1 decides nothing."""
    reference = np.array([[3.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 1.1, 0.0]])
    second, third = reference.copy(), reference.copy()
    second[1], third[2] = [0.0, 1.0, 3.0], [1.1, 1.0, 0.0]
    assert ranking(reference, second, 0.5).top1 is False
    assert ranking(reference, third, 0.5).top1 is True
    assert ranking(reference, third, 0.05).top1 is False


REFERENCE = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0]])


@pytest.mark.parametrize(
    ("value", "noise", "top1", "top5", "decides"),
    [
        ([5, 4, 3, 2, 1, 0, -1], 0.1, True, 1.0, True),
        ([5, 4, 3, 2, 1, 0, -1], 1.0, True, 1.0, False),  # a margin of exactly the noise does not decide
        ([4, 5, 3, 2, 1, 0, -1], 0.1, False, 1.0, True),
        ([4, 5, 3, 2, 1, 0, -1], 2.0, False, 1.0, False),
        ([5, 4, 3, 2, 0, 1, -1], 0.1, True, 0.8, True),
        ([-1, 0, 1, 2, 3, 4, 5], 0.1, False, 0.6, True),
        ([5, 5, 3, 2, 1, 0, -1], 0.1, True, 1.0, True),  # of equal scores the first wins
    ],
)
def test_one_row(value, noise, top1, top5, decides):
    found = ranking(REFERENCE, np.array([value], float), noise)
    assert (found.top1, found.margin_decides) == (top1, decides)
    assert found.top5 == pytest.approx(top5)


def test_only_rows_that_decide_are_held_to_account():
    reference = np.array([[9.0, 1.0, 0.0], [5.0, 4.99, 0.0]])
    found = ranking(reference, np.array([[9.0, 1.0, 0.0], [4.99, 5.0, 0.0]]), 0.1)
    assert found.top1
    assert found.margin_decides
    assert not ranking(reference, np.array([[1.0, 9.0, 0.0], [5.0, 4.99, 0.0]]), 0.1).top1


def test_fewer_than_five_classes_are_compared_as_they_are():
    assert ranking(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), 0.1).top5 == 1.0


@given(st.permutations(range(10)), st.floats(0.0, 0.5))
def test_a_ranking_agrees_with_itself(order, noise):
    scores = np.array([order], np.float64)
    found = ranking(scores, scores, noise)
    assert found.top1
    assert found.top5 == 1.0
    assert found.margin_decides


def test_the_noise_is_rounding_plus_three_deviations_of_a_difference():
    scores = np.array([[8.0, -10.0]])
    rounding = 2.0**-7  # fp16 between 8 and 16
    assert margin_noise(scores, "float16", 0.0, 0.1) == rounding
    assert margin_noise(scores, "float16", 0.01, 0.1) == pytest.approx(rounding + 3 * math.sqrt(2) * 0.01)


def test_a_worse_package_gains_no_slack_beyond_its_bar():
    scores = np.array([[8.0, -10.0]])
    assert margin_noise(scores, "float16", 7.0, 0.1) == margin_noise(scores, "float16", 0.1, 0.1)


def test_gaussian_noise_at_the_bar_flips_a_deciding_margin_less_than_once_in_500():
    generator = np.random.default_rng(0)
    scores = np.zeros((1, 1000))
    noise = margin_noise(scores, "float16", 0.1, 0.1)
    scores[0, 0] = noise * 1.0001
    # the runner-up alone competes: the margin is between two scores
    flips = sum(bool(e[0] + noise < e[1]) for e in generator.normal(0, 0.1, (20000, 2)))
    assert flips < 40
