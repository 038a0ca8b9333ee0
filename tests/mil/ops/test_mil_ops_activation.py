"""Activations against their formulas in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

X = np.linspace(-6, 6, 2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
D = X.astype(np.float64)
CHANNELS = np.array([0.1, -0.5, 2.0], dtype=np.float32)
PER_CHANNEL = CHANNELS.astype(np.float64).reshape(3, 1, 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


erf = np.vectorize(math.erf)

CASES = {
    "relu": (lambda x: mb.relu(x=x), np.maximum(D, 0)),
    "relu6": (lambda x: mb.relu6(x=x), np.clip(D, 0, 6)),
    "sigmoid": (lambda x: mb.sigmoid(x=x), sigmoid(D)),
    "silu": (lambda x: mb.silu(x=x), D * sigmoid(D)),
    "softplus": (lambda x: mb.softplus(x=x), np.log1p(np.exp(D))),
    "softsign": (lambda x: mb.softsign(x=x), D / (1 + np.abs(D))),
    "gelu exact": (lambda x: mb.gelu(x=x, mode="EXACT"), D / 2 * (1 + erf(D / math.sqrt(2)))),
    "gelu tanh": (
        lambda x: mb.gelu(x=x, mode="TANH_APPROXIMATION"),
        D / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (D + 0.044715 * D**3))),
    ),
    "gelu sigmoid": (lambda x: mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"), D * sigmoid(1.702 * D)),
    "softmax last": (lambda x: mb.softmax(x=x), softmax(D, -1)),
    "softmax channels": (lambda x: mb.softmax(x=x, axis=1), softmax(D, 1)),
    "elu": (lambda x: mb.elu(x=x, alpha=0.7), np.where(D > 0, D, 0.7 * np.expm1(D))),
    "leaky_relu": (lambda x: mb.leaky_relu(x=x, alpha=0.3), np.where(D >= 0, D, 0.3 * D)),
    "leaky_relu steep": (lambda x: mb.leaky_relu(x=x, alpha=2.0), np.where(D >= 0, D, 2 * D)),
    "prelu": (lambda x: mb.prelu(x=x, alpha=CHANNELS), np.where(D > 0, D, PER_CHANNEL * D)),
    "clamped_relu": (
        lambda x: mb.clamped_relu(x=x, alpha=2.0, beta=1.5),
        np.minimum(1.5, np.where(D >= 0, D, 2 * D)),
    ),
    "clamped_relu falling": (
        lambda x: mb.clamped_relu(x=x, alpha=-2.0, beta=1.5),
        np.minimum(1.5, np.where(D >= 0, D, -2 * D)),
    ),
    "thresholded_relu": (lambda x: mb.thresholded_relu(x=x, alpha=X[1, 1, 1, 1]), np.where(D[1, 1, 1, 1] <= D, D, 0)),
    "linear_activation": (lambda x: mb.linear_activation(x=x, alpha=-1.5, beta=0.25), -1.5 * D + 0.25),
    "scaled_tanh": (lambda x: mb.scaled_tanh(x=x, alpha=1.5, beta=0.5), 1.5 * np.tanh(0.5 * D)),
    "sigmoid_hard": (lambda x: mb.sigmoid_hard(x=x, alpha=0.2, beta=0.5), np.clip(0.2 * D + 0.5, 0, 1)),
    "softplus_parametric": (
        lambda x: mb.softplus_parametric(x=x, alpha=CHANNELS, beta=CHANNELS + 1),
        PER_CHANNEL * np.log1p(np.exp((PER_CHANNEL + 1) * D)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_follows_its_formula(execute, name) -> None:
    build, expected = CASES[name]
    (found,) = execute(build, {"x": X})
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_softplus_neither_overflows_nor_loses_small_values(execute) -> None:
    (found,) = execute(lambda x: mb.softplus(x=x), {"x": np.array([-50.0, 30.0, 200.0], np.float32)})
    np.testing.assert_allclose(found, [math.exp(-50), 30.0, 200.0], rtol=1e-6)


@pytest.mark.parametrize("name", ["relu", "relu6", "sigmoid", "silu"])
def test_it_may_run_in_place_without_changing_what_is_read_later(execute, name) -> None:
    """x + 1 dies in the first activation, the second one's operand is still needed."""

    def build(x):
        activation = getattr(mb, name)
        dying = activation(x=mb.add(x=x, y=1.0))
        kept = mb.sub(x=x, y=1.0)
        return dying, activation(x=kept), mb.mul(x=kept, y=2.0)

    expected = {"relu": lambda d: np.maximum(d, 0), "relu6": lambda d: np.clip(d, 0, 6), "sigmoid": sigmoid}.get(
        name, lambda d: d * sigmoid(d)
    )
    first, second, third = execute(build, {"x": X})
    np.testing.assert_allclose(first, expected(D + 1), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(second, expected(D - 1), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(third, 2 * (D - 1), rtol=2e-6, atol=2e-6)
