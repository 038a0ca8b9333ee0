"""Matrix products and attention against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb


def normal(rng, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def test_linear(execute, rng) -> None:
    x, weight, bias = normal(rng, 2, 3, 5), normal(rng, 4, 5), normal(rng, 4)
    with_bias, without = execute(
        lambda x: (mb.linear(x=x, weight=weight, bias=bias), mb.linear(x=x, weight=weight)), {"x": x}
    )
    np.testing.assert_allclose(with_bias, x.astype(float) @ weight.T + bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(without, x.astype(float) @ weight.T, rtol=1e-5, atol=1e-6)


def test_linear_with_integer_weights_computes_in_the_type_of_x(execute) -> None:
    x = np.array([[0.5, 1.5]], np.float32)
    weight, bias = np.array([[2, 3]], np.int32), np.array([1], np.int32)
    (found,) = execute(lambda x: mb.linear(x=x, weight=weight, bias=bias), {"x": x})
    np.testing.assert_array_equal(found, [[6.5]])


@pytest.mark.parametrize("transpose_x", [False, True])
@pytest.mark.parametrize("transpose_y", [False, True])
def test_matmul_transposes_and_broadcasts(execute, rng, transpose_x, transpose_y) -> None:
    a, b = normal(rng, 2, 1, 3, 4), normal(rng, 5, 4, 6)
    x, y = (a.swapaxes(-1, -2) if transpose_x else a), (b.swapaxes(-1, -2) if transpose_y else b)
    (found,) = execute(
        lambda x, y: mb.matmul(x=x, y=y, transpose_x=transpose_x, transpose_y=transpose_y),
        {"x": np.ascontiguousarray(x), "y": np.ascontiguousarray(y)},
    )
    np.testing.assert_allclose(found, a.astype(float) @ b, rtol=1e-5, atol=1e-6)


def test_linear_of_integers(execute) -> None:
    x, weight, bias = np.array([[1, -2], [3, 4]], np.int32), np.array([[2, 3]], np.int32), np.array([7], np.int32)
    with_bias, without = execute(
        lambda x: (mb.linear(x=x, weight=weight, bias=bias), mb.linear(x=x, weight=weight)), {"x": x}
    )
    np.testing.assert_array_equal(with_bias, [[3], [25]])
    np.testing.assert_array_equal(without, [[-4], [18]])


def test_matmul_of_integers(execute) -> None:
    x, y = np.arange(6, dtype=np.int32).reshape(2, 3), np.arange(12, dtype=np.int32).reshape(3, 4)
    (found,) = execute(lambda x, y: mb.matmul(x=x, y=y), {"x": x, "y": y})
    np.testing.assert_array_equal(found, x @ y)


@pytest.mark.parametrize("equation", ["nchw,nwhr->nchr", "abcd,adce->abce"])
def test_einsum(execute, rng, equation) -> None:
    x, y = normal(rng, 2, 3, 4, 5), normal(rng, 2, 5, 4, 6)
    (found,) = execute(lambda x, y: mb.einsum(values=(x, y), equation=equation), {"x": x, "y": y})
    np.testing.assert_allclose(found, np.einsum(equation, x.astype(float), y), rtol=1e-5, atol=1e-6)


def attention(query, key, value, mask):
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1]) + mask
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ value


def test_scaled_dot_product_attention(execute, rng) -> None:
    q, k, v = normal(rng, 2, 3, 4, 8), normal(rng, 2, 3, 5, 8), normal(rng, 2, 3, 5, 6)
    mask = normal(rng, 4, 5)
    allowed = mask > 0
    allowed[:, 0] = True

    def build(q, k, v, mask, allowed):
        return (
            mb.scaled_dot_product_attention(query=q, key=k, value=v),
            mb.scaled_dot_product_attention(query=q, key=k, value=v, attn_mask=mask),
            mb.scaled_dot_product_attention(query=q, key=k, value=v, attn_mask=mb.cast(x=allowed, dtype="bool")),
        )

    plain, added, forbidden = execute(
        build, {"q": q, "k": k, "v": v, "mask": mask, "allowed": allowed.astype(np.int32)}, opset="iOS18"
    )
    d = [value.astype(float) for value in (q, k, v)]
    np.testing.assert_allclose(plain, attention(*d, 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(added, attention(*d, mask), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(forbidden, attention(*d, np.where(allowed, 0, -np.inf)), rtol=1e-5, atol=1e-6)
