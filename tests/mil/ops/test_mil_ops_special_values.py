"""Zeros with a sign, NaN, infinity, the ends of every type: values of NumPy, or worked by hand from IEEE 754."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from mobiledeploy.errors import PackageError

NAN, INF = np.nan, np.inf
LOW, HIGH = -(2**31), 2**31 - 1


def floats(*values) -> np.ndarray:
    return np.array(values, np.float32)


def whole(*values) -> np.ndarray:
    return np.array(values, np.int32)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal in every bit but NaN's, the sign of zeros included."""
    expected = np.asarray(expected)
    np.testing.assert_array_equal(found, expected)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(expected[known]))


INTEGERS = [
    ("real_div", [7, -7, 7, -7, 1, LOW, 0], [2, 2, -2, -2, 0, -1, 0], [3, -3, -3, 3, 0, LOW, 0]),
    ("floor_div", [7, -7, 7, -7, -1, LOW, 0], [2, 2, -2, -2, 0, -1, 0], [3, -4, -4, 3, 0, LOW, 0]),
    ("mod", [7, -7, 7, -7, -5, LOW, 0], [3, 3, -3, -3, 0, -1, 0], [1, 2, -2, -1, -5, 0, 0]),
    ("add", [HIGH, LOW, 1], [1, -1, 2], [LOW, HIGH, 3]),
    ("sub", [LOW, HIGH, 1], [1, -1, 2], [HIGH, LOW, -1]),
    ("mul", [2**30, 65536, -3], [2, 65536, 7], [LOW, 0, -21]),
    ("pow", [2, 3, -2, 1, -1, 5, 2, 0], [31, 4, 3, -2, -3, -1, 40, 0], [LOW, 81, -8, 1, -1, 0, 0, 1]),
    ("maximum", [LOW, HIGH, 0], [HIGH, LOW, -1], [HIGH, HIGH, 0]),
]


@pytest.mark.parametrize("case", INTEGERS, ids=[row[0] for row in INTEGERS])
@pytest.mark.parametrize("repeated", [1, 40])
def test_integers(execute, case, repeated) -> None:
    """Forty at a time, too: long tensors take vectorized paths, short ones do not."""
    name, *numbers = case
    x, y, expected = (np.tile(whole(*values), repeated) for values in numbers)
    (found,) = execute(lambda x, y: getattr(mb, name)(x=x, y=y), {"x": x, "y": y})
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


def test_reductions_of_integers_stay_integers_and_wrap(execute) -> None:
    x = whole(HIGH, 1, -7, 3).reshape(2, 2)
    total, mean, product, squares = execute(
        lambda x: (
            mb.reduce_sum(x=x, axes=[1]),
            mb.reduce_mean(x=x, axes=[1]),
            mb.reduce_prod(x=x, axes=[1]),
            mb.reduce_sum_square(x=x, axes=[1]),
        ),
        {"x": x},
    )
    np.testing.assert_array_equal(total, [LOW, -4])
    np.testing.assert_array_equal(mean, [2**30, -2])
    np.testing.assert_array_equal(product, [HIGH, -21])
    np.testing.assert_array_equal(squares, [2, 58])
    assert {value.dtype for value in (total, mean, product, squares)} == {np.dtype(np.int32)}


DIVISIONS = [
    ("real_div", [1, -1, 0, 1, -1], [0, 0, 0, -0.0, INF], [INF, -INF, NAN, -INF, -0.0]),
    ("floor_div", [5, -5, 1, 0], [2, 2, 0, 0], [2, -3, INF, NAN]),
    ("mod", [5, -5, 5, -5, 1, INF], [3, 3, -3, -3, 0, 2], [2, 1, -1, -2, NAN, NAN]),
    ("pow", [0, -8, 0, NAN, 4, -2], [0, 1 / 3, -1, 0, 0.5, 3], [1, NAN, INF, 1, 2, -8]),
    ("maximum", [NAN, 1, -INF], [1, NAN, 2], [NAN, NAN, 2]),
    ("minimum", [NAN, 1, -INF], [1, NAN, 2], [NAN, NAN, -INF]),
]


@pytest.mark.parametrize(("name", "x", "y", "expected"), DIVISIONS, ids=[row[0] for row in DIVISIONS])
def test_floats(execute, name, x, y, expected) -> None:
    (found,) = execute(lambda x, y: getattr(mb, name)(x=x, y=y), {"x": floats(*x), "y": floats(*y)})
    same(found, floats(*expected))


@pytest.mark.parametrize("name", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"])
def test_nothing_compares_to_nan_and_the_zeros_are_equal(execute, name) -> None:
    x, y = floats(NAN, NAN, 0.0, -INF), floats(NAN, 1, -0.0, INF)
    (found,) = execute(lambda x, y: mb.cast(x=getattr(mb, name)(x=x, y=y), dtype="int32"), {"x": x, "y": y})
    np.testing.assert_array_equal(found, getattr(np, name)(x, y))


UNARY = [
    ("sign", [-0.0, 0.0, NAN, -INF, INF, -0.3], [0.0, 0.0, NAN, -1, 1, -1]),
    ("abs", [-0.0, NAN, -INF, -3], [0.0, NAN, INF, 3]),
    ("round", [-0.5, 0.5, 1.5, 2.5, -2.5, -0.4, NAN, INF], [-0.0, 0.0, 2, 2, -2, -0.0, NAN, INF]),
    ("floor", [-0.0, -0.4, 0.4, -INF, NAN], [-0.0, -1, 0.0, -INF, NAN]),
    ("ceil", [-0.0, -0.4, 0.4, -INF, NAN], [-0.0, -0.0, 1, -INF, NAN]),
    ("sqrt", [-0.0, -1, INF, 4, NAN], [-0.0, NAN, INF, 2, NAN]),
    ("exp", [-INF, INF, 1000, NAN, 0], [0.0, INF, INF, NAN, 1]),
    ("tanh", [-INF, INF, -0.0, NAN], [-1, 1, -0.0, NAN]),
    ("sigmoid", [-INF, INF, 0, NAN], [0.0, 1, 0.5, NAN]),
    ("softplus", [-INF, INF, 1000, NAN], [0.0, INF, 1000, NAN]),
    ("relu6", [NAN, INF, -INF, 7], [NAN, 6, 0.0, 6]),
]


@pytest.mark.parametrize(("name", "x", "expected"), UNARY, ids=[row[0] for row in UNARY])
@pytest.mark.parametrize("overwriting", [False, True])
def test_functions_of_one_value(execute, name, x, expected, overwriting) -> None:
    """Of an input, and of a value that nobody else needs, which is overwritten."""

    def build(x):
        return getattr(mb, name)(x=mb.mul(x=x, y=np.float32(1)) if overwriting else x)

    (found,) = execute(build, {"x": floats(*x)})
    same(found, floats(*expected))


def test_activations_of_nan_and_infinity(execute) -> None:
    x = floats(NAN, INF, -INF, -2)
    found = execute(
        lambda x: (
            mb.relu(x=x),
            mb.clip(x=x, alpha=-1.0, beta=1.0),
            mb.threshold(x=x, alpha=-1.0),
            mb.thresholded_relu(x=x, alpha=-1.0),
            mb.leaky_relu(x=x, alpha=0.5),
            mb.elu(x=x, alpha=2.0),
        ),
        {"x": x},
    )
    expected = [
        [NAN, INF, 0, 0],
        [NAN, 1, -1, -1],
        [NAN, INF, -1, -1],
        # of NaN the condition does not hold
        [0, INF, 0, 0],
        [NAN, INF, -INF, -1],
        [NAN, INF, -2, 2 * np.expm1(-2)],
    ]
    for value, numbers in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, floats(*numbers), rtol=1e-6)


def test_nan_in_reductions_and_orders(execute) -> None:
    """It reaches sums and extremes, and counts as the largest number, as in NumPy."""
    x = floats(1, NAN, 3, NAN, 2).reshape(1, 5)
    found = execute(
        lambda x: (
            mb.reduce_max(x=x, axes=[1]),
            mb.reduce_min(x=x, axes=[1]),
            mb.reduce_sum(x=x, axes=[1]),
            mb.reduce_argmax(x=x, axis=1),
            mb.reduce_argmin(x=x, axis=1),
            *mb.topk(x=x, k=3, axis=1),
            *mb.topk(x=x, k=3, axis=1, ascending=True),
            mb.argsort(x=x, axis=1),
        ),
        {"x": x},
    )
    expected = [[NAN], [NAN], [NAN], [1], [1]]
    expected += [[[NAN, NAN, 3]], [[1, 3, 2]], [[1, 2, 3]], [[0, 4, 2]], [[1, 3, 2, 4, 0]]]
    for value, numbers in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, numbers)


CASTS = [
    ("int8", [-129, -128, 127, 128, 3.9, -3.9, NAN, INF, -INF], [-128, -128, 127, 127, 3, -3, 0, 127, -128]),
    ("uint8", [-1, 256, 255.9, NAN, INF, -INF, 7.5], [0, 255, 255, 0, 255, 0, 7]),
    ("int16", [40000, -40000, 1.5, NAN, INF], [32767, -32768, 1, 0, 32767]),
    ("uint16", [70000, -1, 65535.5, NAN], [65535, 0, 65535, 0]),
    ("int32", [3e9, -3e9, -0.9, NAN, INF, -INF, 16777216], [HIGH, LOW, 0, 0, HIGH, LOW, 16777216]),
    ("bool", [0, -0.0, 0.3, NAN, -INF], [0, 0, 1, 1, 1]),
]


@pytest.mark.parametrize(("dtype", "x", "expected"), CASTS, ids=[row[0] for row in CASTS])
def test_casts_of_floats_truncate_and_saturate(execute, dtype, x, expected) -> None:
    (found,) = execute(lambda x: mb.cast(x=mb.cast(x=x, dtype=dtype), dtype="int32"), {"x": floats(*x)})
    np.testing.assert_array_equal(found, expected)


def test_casts_of_halves_are_those_of_their_values(execute) -> None:
    halves = np.array([60000, -60000, 2.5, NAN, INF], np.float16)
    (found,) = execute(lambda x: mb.cast(x=mb.cast(x=x, dtype="int16"), dtype="int32"), {"x": halves})
    np.testing.assert_array_equal(found, [32767, -32768, 2, 0, 32767])


INTEGER_CASTS = [
    ("int8", [128, -129, 255, HIGH], [-128, 127, -1, -1]),
    ("uint8", [256, -1, LOW], [0, 255, 0]),
    ("int16", [32768, -32769], [-32768, 32767]),
    ("uint16", [65536, -1], [0, 65535]),
    ("bool", [0, 2, LOW], [0, 1, 1]),
]


@pytest.mark.parametrize(("dtype", "x", "expected"), INTEGER_CASTS, ids=[row[0] for row in INTEGER_CASTS])
def test_casts_of_integers_to_narrower_ones_wrap_as_in_numpy(execute, dtype, x, expected) -> None:
    (found,) = execute(lambda x: mb.cast(x=mb.cast(x=x, dtype=dtype), dtype="int32"), {"x": whole(*x)})
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, whole(*x).astype(dtype))


def test_casts_to_halves_round_to_even_and_overflow_to_infinity(execute) -> None:
    x = whole(2049, 2051, 65519, 65520, -70000)
    (found,) = execute(lambda x: mb.cast(x=mb.cast(x=x, dtype="fp16"), dtype="fp32"), {"x": x})
    np.testing.assert_array_equal(found, [2048, 2052, 65504, INF, -INF])
    y = floats(65519, 65520, 2**-25, 2**-24, 1.5 * 2**-24, NAN, -0.0)
    (found,) = execute(lambda y: mb.cast(x=mb.cast(x=y, dtype="fp16"), dtype="fp32"), {"y": y})
    same(found, floats(65504, INF, 0, 2**-24, 2**-23, NAN, -0.0))


def test_halves_are_summed_in_float32_and_rounded_once(execute) -> None:
    """Each step of a sum in fp16 would stay at 2048; a product of matrices the same."""
    x = np.ones((1, 4096), np.float16)
    column = np.ones((4096, 1), np.float16)
    total, product, mean, steps = execute(
        lambda x: (
            mb.reduce_sum(x=x, axes=[1]),
            mb.matmul(x=x, y=column),
            mb.reduce_mean(x=x, axes=[1]),
            mb.slice_by_index(x=mb.cumsum(x=x, axis=1), begin=[0, 4094], end=[1, 4096]),
        ),
        {"x": x},
    )
    assert (total.item(), product.item(), mean.item()) == (4096, 4096, 1)
    np.testing.assert_array_equal(steps, [[4096, 4096]])


def test_a_sum_beyond_the_range_of_halves_is_infinite_but_its_terms_may_pass_it(execute) -> None:
    x = np.array([[60000, 60000, -60000], [60000, 60000, 1]], np.float16)
    total, square, product = execute(
        lambda x: (mb.reduce_sum(x=x, axes=[1]), mb.square(x=x), mb.matmul(x=x, y=np.ones((3, 1), np.float16))),
        {"x": x},
    )
    np.testing.assert_array_equal(total, [60000, INF])
    np.testing.assert_array_equal(square, [[INF] * 3, [INF, INF, 1]])
    np.testing.assert_array_equal(product, [[60000], [INF]])


def test_subnormal_halves_are_kept(execute) -> None:
    x = np.array([2**-14, 2**-20, 2**-24, -(2**-24)], np.float16)
    half, same_, doubled = execute(
        lambda x: (mb.mul(x=x, y=np.float16(0.5)), mb.mul(x=x, y=np.float16(1)), mb.add(x=x, y=x)), {"x": x}
    )
    same(half, floats(2**-15, 2**-21, 0.0, -0.0))
    same(same_, x.astype(np.float32))
    same(doubled, x.astype(np.float32) * 2)


RANGES = [
    (np.float16, 0, 1, 0.1),
    (np.float16, 1, -1, -0.3),
    (np.float32, 0, 0.3, 0.1),
    (np.float32, 2, 2, 1),
    (np.float32, 2, 1, 1),
    (np.int32, 3, -4, -2),
    (np.int32, -(2**31), -(2**31) + 5, 2),
]


@pytest.mark.parametrize(("dtype", "start", "end", "step"), RANGES)
def test_a_range_has_the_length_that_its_type_computes(execute, dtype, start, end, step) -> None:
    """Its numbers are start + i step, rounded once."""
    start, end, step = map(dtype, (start, end, step))
    (found,) = execute(
        lambda x: mb.range_1d(start=mb.gather(x=x, indices=0), end=end, step=step), {"x": np.array([start, start])}
    )
    length = max(0, int(np.ceil((end - start) / step)))
    assert len(found) == length == len(np.arange(start, end, step))
    np.testing.assert_array_equal(found, (float(start) + float(step) * np.arange(length)).astype(dtype))


def test_a_range_without_a_step_is_refused(execute) -> None:
    x = whole(0, 0)
    with pytest.raises(PackageError, match="range_1d failed: the step is zero"):
        execute(lambda x: mb.range_1d(start=0, end=5, step=mb.gather(x=x, indices=0)), {"x": x})
