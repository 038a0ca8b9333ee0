"""Normalizations and reductions against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((2, 3, 4, 5)).astype(np.float32) * 3 + 1


def channels(rng) -> np.ndarray:
    return rng.uniform(0.5, 2.0, 3).astype(np.float32)


def test_batch_norm(execute, rng, x) -> None:
    mean, variance, gamma, beta = (channels(rng) for _ in range(4))
    full, bare = execute(
        lambda x: (
            mb.batch_norm(x=x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=0.1),
            mb.batch_norm(x=x, mean=mean, variance=variance),
        ),
        {"x": x},
    )
    m, v, g, b = (value.astype(float).reshape(3, 1, 1) for value in (mean, variance, gamma, beta))
    np.testing.assert_allclose(full, (x - m) / np.sqrt(v + 0.1) * g + b, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(bare, (x - m) / np.sqrt(v + 1e-5), rtol=1e-5, atol=1e-5)


def normalized(x, axes, epsilon):
    x = x.astype(float)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def test_instance_norm(execute, rng, x) -> None:
    gamma, beta = channels(rng), channels(rng)
    full, bare = execute(
        lambda x: (mb.instance_norm(x=x, gamma=gamma, beta=beta, epsilon=0.1), mb.instance_norm(x=x)), {"x": x}
    )
    expected = normalized(x, (2, 3), 0.1) * gamma.reshape(3, 1, 1) + beta.reshape(3, 1, 1)
    np.testing.assert_allclose(full, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(bare, normalized(x, (2, 3), 1e-5), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [(3,), (2, 3), (1,), (-3, -1), (0, 1, 2, 3)])
def test_layer_norm_over_any_axes(execute, rng, x, axes) -> None:
    shape = [x.shape[axis] for axis in axes]
    gamma, beta = (rng.uniform(0.5, 2, shape).astype(np.float32) for _ in range(2))
    full, bare = execute(
        lambda x: (
            mb.layer_norm(x=x, axes=axes, gamma=gamma, beta=beta, epsilon=0.01),
            mb.layer_norm(x=x, axes=axes, epsilon=0.01),
        ),
        {"x": x},
    )
    wide = [x.shape[axis] if axis in axes or axis - 4 in axes else 1 for axis in range(4)]
    expected = normalized(x, axes, 0.01)
    np.testing.assert_allclose(full, expected * gamma.reshape(wide) + beta.reshape(wide), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(bare, expected, rtol=1e-5, atol=1e-5)


def test_l2_norm_is_over_the_last_three_axes(execute, x) -> None:
    (found,) = execute(lambda x: mb.l2_norm(x=x, epsilon=0.5), {"x": x})
    d = x.astype(float)
    np.testing.assert_allclose(found, d / np.sqrt((d**2).sum((1, 2, 3), keepdims=True) + 0.5), rtol=1e-5)


def test_local_response_norm(execute, x) -> None:
    (found,) = execute(lambda x: mb.local_response_norm(x=x, size=3, alpha=0.3, beta=0.5, k=2.0), {"x": x})
    d = x.astype(float)
    squares = np.pad(d**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    around = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    np.testing.assert_allclose(found, d / (2 + 0.3 / 3 * around) ** 0.5, rtol=1e-5)


def test_the_channels_of_local_response_norm_are_the_third_axis_from_the_end(execute) -> None:
    """Of rank 3 that is the first: with one channel, a value has no neighbours but itself."""
    x = np.array([[[1.0, -7.0], [5.0, -6.0], [-3.0, -5.0]]], np.float32)
    (found,) = execute(lambda x: mb.local_response_norm(x=x, size=2), {"x": x})
    np.testing.assert_allclose(found, x / (1 + 1e-4 / 2 * x.astype(float) ** 2) ** 0.75, rtol=1e-6)
    deep = np.linspace(-2, 2, 2 * 2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 2, 3, 2, 2)
    (found,) = execute(lambda x: mb.local_response_norm(x=x, size=3, alpha=0.3), {"x": deep})
    squares = np.pad(deep.astype(float) ** 2, ((0, 0), (0, 0), (1, 1), (0, 0), (0, 0)))
    around = squares[:, :, :-2] + squares[:, :, 1:-1] + squares[:, :, 2:]
    np.testing.assert_allclose(found, deep / (1 + 0.3 / 3 * around) ** 0.75, rtol=1e-5)


REDUCTIONS = {
    "reduce_sum": np.sum,
    "reduce_mean": np.mean,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_prod": np.prod,
    "reduce_l1_norm": lambda x, axis, keepdims: np.abs(x).sum(axis, keepdims=keepdims),
    "reduce_l2_norm": lambda x, axis, keepdims: np.sqrt((x**2).sum(axis, keepdims=keepdims)),
    "reduce_sum_square": lambda x, axis, keepdims: (x**2).sum(axis, keepdims=keepdims),
    "reduce_log_sum": lambda x, axis, keepdims: np.log(x.sum(axis, keepdims=keepdims)),
    "reduce_log_sum_exp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(execute, x, name) -> None:
    build, function = getattr(mb, name), REDUCTIONS[name]
    x = np.abs(x) / 3 + np.float32(0.5)
    calls = [((1, -1), True), ((2,), False), (None, True)]
    found = execute(
        lambda x: tuple(build(x=x, keep_dims=keep, **({"axes": axes} if axes else {})) for axes, keep in calls),
        {"x": x},
    )
    for value, (axes, keep) in zip(found, calls, strict=True):
        expected = function(x.astype(float), axis=axes, keepdims=keep)
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=2e-5)


@pytest.mark.parametrize("name", ["reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum_square"])
def test_reduction_of_integers_keeps_them(execute, name) -> None:
    x = np.array([[1, -2, 3], [4, 5, -6]], np.int32)
    (found,) = execute(lambda x: getattr(mb, name)(x=x, axes=[1]), {"x": x})
    np.testing.assert_array_equal(found, REDUCTIONS[name](x, axis=1, keepdims=False))


def test_the_mean_of_integers_is_cut_towards_zero(execute) -> None:
    x = np.array([[1, 2, 2], [-1, -2, -2]], np.int32)
    (found,) = execute(lambda x: mb.reduce_mean(x=x, axes=[1]), {"x": x})
    np.testing.assert_array_equal(found, [1, -1])


@pytest.mark.parametrize("name", ["reduce_l1_norm", "reduce_l2_norm", "reduce_sum_square", "reduce_min", "reduce_max"])
def test_reduction_of_negative_elements(execute, x, name) -> None:
    (found,) = execute(lambda x: getattr(mb, name)(x=x, axes=[1, 2]), {"x": x - np.float32(1)})
    expected = REDUCTIONS[name](x.astype(float) - 1, axis=(1, 2), keepdims=False)
    np.testing.assert_allclose(found, expected, rtol=2e-5)


@pytest.mark.parametrize("name", ["reduce_argmax", "reduce_argmin"])
def test_the_first_of_equal_elements_is_found(execute, name) -> None:
    x = np.array([[1, 3, 3, 1], [2, 2, 2, 2]], np.float32)
    function = np.argmax if name == "reduce_argmax" else np.argmin
    kept, dropped = execute(
        lambda x: (getattr(mb, name)(x=x, axis=1, keep_dims=True), getattr(mb, name)(x=x, axis=0)), {"x": x}
    )
    np.testing.assert_array_equal(kept, function(x, axis=1, keepdims=True))
    np.testing.assert_array_equal(dropped, function(x, axis=0))
