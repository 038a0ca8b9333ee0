"""The distance of two outputs: against direct formulas, at every scale, and in every special case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mobiledeploy.parity.metrics import bar_rmse, cosine, distance, psnr_db, rmse

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-6)
SHAPES = arrays.array_shapes(max_dims=3, max_side=5)


@st.composite
def pairs(draw):
    shape = draw(SHAPES)
    return tuple(draw(arrays.arrays(np.float64, shape, elements=FINITE)) for _ in range(2))


@given(pairs())
def test_psnr_is_the_direct_formula(pair):
    reference, value = pair
    error = np.sqrt(np.mean((reference - value) ** 2))
    found = psnr_db(reference, value)
    if error == 0:
        assert found == math.inf
    elif not np.any(reference):
        assert found == -math.inf
    else:
        assert found == pytest.approx(20 * np.log10(np.max(np.abs(reference)) / error), rel=1e-9, abs=1e-9)


@given(pairs())
def test_the_other_numbers_are_the_direct_formulas(pair):
    reference, value = pair
    found = distance(reference, value)
    assert found.max_absolute == np.max(np.abs(reference - value))
    assert found.rmse == pytest.approx(np.sqrt(np.mean((reference - value) ** 2)), rel=1e-12)
    if np.any(reference):
        assert found.max_relative == pytest.approx(found.max_absolute / np.max(np.abs(reference)))
    norms = np.linalg.norm(reference) * np.linalg.norm(value)
    if norms > 0:
        assert found.cosine == pytest.approx(np.sum(reference * value) / norms, abs=1e-12)


@given(pairs(), st.integers(-900, 900))
def test_relative_numbers_do_not_depend_on_the_scale_however_tiny_or_huge(pair, exponent):
    reference, value = pair
    scaled = distance(np.ldexp(reference, exponent), np.ldexp(value, exponent))
    plain = distance(reference, value)
    assert scaled.psnr_db == pytest.approx(plain.psnr_db, rel=1e-9, abs=1e-6)
    assert scaled.cosine == pytest.approx(plain.cosine, abs=1e-12)
    assert scaled.max_relative == pytest.approx(plain.max_relative, rel=1e-9)
    assert scaled.max_absolute == math.ldexp(plain.max_absolute, exponent)


@given(pairs())
def test_the_error_and_the_angle_are_symmetric(pair):
    reference, value = pair
    assert rmse(reference, value) == rmse(value, reference)
    assert cosine(reference, value) == pytest.approx(cosine(value, reference), abs=1e-15)


@given(pairs())
def test_sign_and_order_of_the_elements_do_not_matter(pair):
    reference, value = pair
    plain, negated = distance(reference, value), distance(-reference, -value)
    assert negated == plain
    assert distance(reference.ravel()[::-1], value.ravel()[::-1]).psnr_db == pytest.approx(plain.psnr_db, rel=1e-12)


@given(arrays.arrays(np.float64, SHAPES, elements=FINITE))
def test_an_array_equals_itself(array):
    found = distance(array, array.copy())
    assert (found.psnr_db, found.max_absolute, found.max_relative, found.rmse) == (math.inf, 0.0, 0.0, 0.0)
    assert found.cosine == pytest.approx(1.0)


@given(pairs(), st.floats(0.1, 0.9))
def test_a_smaller_error_is_never_a_lower_psnr(pair, share):
    reference, value = pair
    nearer = reference + (value - reference) * share
    assert psnr_db(reference, nearer) >= psnr_db(reference, value) - 1e-9


@given(st.floats(1.0, 150.0), st.floats(1e-30, 1e30))
def test_the_error_at_the_bar_is_the_one_whose_psnr_is_the_bar(bar, peak):
    reference = np.array([peak, -peak / 2])
    assert psnr_db(reference, reference + bar_rmse(reference, bar)) == pytest.approx(bar, abs=1e-6)


@pytest.mark.parametrize(
    ("reference", "value", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.0], (math.inf, 0.0, 0.0, 1.0)),
        ([0.0, 0.0], [0.0, 2.0], (-math.inf, 2.0, math.inf, 0.0)),
        ([2.0, 2.0], [0.0, 0.0], (0.0, 2.0, 1.0, 0.0)),
        ([1.0, -1.0], [-1.0, 1.0], (-6.0206, 2.0, 2.0, -1.0)),
        ([4.0], [4.04], (40.0, 0.04, 0.01, 1.0)),
        ([], [], (math.inf, 0.0, 0.0, 1.0)),
        ([1.0, 2.0], [1.0, math.nan], (-math.inf, math.inf, math.inf, 0.0)),
        ([1.0, 2.0], [1.0, math.inf], (-math.inf, math.inf, math.inf, 0.0)),
        ([1.0, math.inf], [1.0, math.inf], (-math.inf, math.inf, math.inf, 0.0)),
        ([math.nan], [math.nan], (-math.inf, math.inf, math.inf, 0.0)),
        ([1.0, 2.0], [1.0], (-math.inf, math.inf, math.inf, 0.0)),
        ([[1.0, 2.0]], [1.0, 2.0], (-math.inf, math.inf, math.inf, 0.0)),
        ([1e-320], [2e-320], (0.0, 1e-320, 1.0, 1.0)),
        ([1.5e308], [-1.5e308], (-math.inf, math.inf, math.inf, 0.0)),
        ([True, False], [True, True], (3.0103, 1.0, 1.0, 1 / math.sqrt(2))),
        ([3, 4], [3, 5], (15.0515, 1.0, 0.25, 29 / (5 * math.sqrt(34)))),
        (5.0, 5.0, (math.inf, 0.0, 0.0, 1.0)),
    ],
)
def test_every_special_case_is_defined(reference, value, expected):
    found = distance(np.array(reference), np.array(value))
    numbers = (found.psnr_db, found.max_absolute, found.max_relative, found.cosine)
    assert numbers == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "uint8"])
def test_narrow_types_neither_overflow_nor_wrap_around(dtype):
    found = distance(np.array([200, 10], dtype), np.array([10, 200], dtype))
    assert found.max_absolute == 190.0
    assert found.rmse == 190.0
