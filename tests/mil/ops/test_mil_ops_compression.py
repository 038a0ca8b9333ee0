"""Compressed constants, quantization and class labels."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

ZERO = {"x": np.zeros((1,), np.float32)}


def kind(name: str) -> np.dtype:
    """NumPy types that mark their values as narrower than a byte for coremltools."""
    return getattr(types, f"np_{name}_dtype")


def shown(constant):
    """A program must compute something of its input: the constant plus zero."""
    return lambda x: mb.add(x=mb.cast(x=constant(), dtype="fp32"), y=x)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_affine_dequantize(execute, rng, dtype) -> None:
    data = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (3, 4), dtype, endpoint=True)
    scale, zero = np.array([0.5, 2.0, 0.25], np.float32), np.array([1, 2, 3], dtype)
    (found,) = execute(
        shown(lambda: mb.constexpr_affine_dequantize(quantized_data=data, zero_point=zero, scale=scale, axis=0)),
        ZERO,
        opset="iOS16",
    )
    np.testing.assert_array_equal(found, (data.astype(float) - zero[:, None]) * scale[:, None])


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
def test_lookup_table_with_packed_indices(execute, rng, bits) -> None:
    lut = rng.standard_normal(2**bits).astype(np.float32)
    indices = rng.integers(0, 2**bits, 15)
    stream = (indices[:, None] >> np.arange(bits) & 1).reshape(-1)
    packed = np.packbits(stream.astype(np.uint8), bitorder="little")
    (found,) = execute(
        shown(lambda: mb.constexpr_lut_to_dense(indices=packed, lut=lut, shape=np.uint32([3, 5]))), ZERO, opset="iOS16"
    )
    np.testing.assert_array_equal(found, lut[indices].reshape(3, 5))


def test_sparse_with_a_packed_mask(execute) -> None:
    mask = np.array([0, 1, 1, 0, 0, 0, 0, 1, 0, 1], np.uint8)
    values = np.array([1.5, 2.5, 3.5, 4.5], np.float32)
    (found,) = execute(
        shown(
            lambda: mb.constexpr_sparse_to_dense(
                nonzero_data=values, mask=np.packbits(mask, bitorder="little"), shape=np.uint32([2, 5])
            )
        ),
        ZERO,
        opset="iOS16",
    )
    expected = np.zeros(10)
    expected[mask == 1] = values
    np.testing.assert_array_equal(found, expected.reshape(2, 5))


def test_constexpr_cast(execute) -> None:
    source = np.array([[0.1, 2.5]], np.float16)
    (found,) = execute(shown(lambda: mb.constexpr_cast(source_val=source, output_dtype="fp32")), ZERO, opset="iOS16")
    np.testing.assert_array_equal(found, source.astype(np.float32))


@pytest.mark.parametrize("name", ["int4", "uint4", "int8", "uint8"])
def test_blockwise_shift_scale(execute, rng, name) -> None:
    low, high = {"int4": (-8, 7), "uint4": (0, 15), "int8": (-128, 127), "uint8": (0, 255)}[name]
    dtype = kind(name) if name.endswith("4") else np.dtype(name)
    data = rng.integers(low, high, (4, 6), endpoint=True).astype(dtype)
    scale = rng.uniform(0.5, 2, (4, 3)).astype(np.float32)
    offset = rng.integers(low, high, (4, 3), endpoint=True).astype(dtype)
    (found,) = execute(
        shown(lambda: mb.constexpr_blockwise_shift_scale(data=data, scale=scale, offset=offset)), ZERO, opset="iOS18"
    )
    numbers, zeros = data.astype(np.float64), np.repeat(offset.astype(np.float64), 2, 1)
    np.testing.assert_allclose(found, (numbers - zeros) * np.repeat(scale, 2, 1), rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8])
def test_lookup_tables_by_group(execute, rng, bits) -> None:
    dtype = kind(f"uint{bits}") if bits < 8 else np.dtype(np.uint8)
    indices = rng.integers(0, 2**bits, (4, 5))
    lut = rng.standard_normal((2, 1, 2**bits, 1)).astype(np.float32)
    (found,) = execute(
        shown(lambda: mb.constexpr_lut_to_dense(indices=indices.astype(dtype), lut=lut)), ZERO, opset="iOS18"
    )
    expected = [[lut[row // 2, 0, indices[row, column], 0] for column in range(5)] for row in range(4)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_vectors_are_laid_out_along_their_axis(execute, axis) -> None:
    indices = np.array([[0, 1, 1], [1, 0, 1]])
    lut = np.array([[10, 11], [20, 21]], np.float32).reshape(1, 1, 2, 2)
    (found,) = execute(
        shown(
            lambda: mb.constexpr_lut_to_dense(
                indices=indices.astype(kind("uint1")), lut=lut, vector_axis=np.int32(axis)
            )
        ),
        ZERO,
        opset="iOS18",
    )
    expected = np.repeat(indices * 10 + 10, 2, axis) + (np.arange(4)[:, None] % 2 if axis == 0 else np.arange(6) % 2)
    np.testing.assert_array_equal(found, expected)


MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]])


def test_sparse_and_quantized_together(execute) -> None:
    """The example of the operator's documentation."""
    data = np.array([10, 11, 3, 4, 5, 6, 7, 8, 9], np.int8)
    scale = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    offset = np.array([[1, 2, 3, 4]], np.int8)

    def constant():
        mask, values = mb.constexpr_sparse_blockwise_shift_scale(
            data_mask=MASK.astype(kind("uint1")), nonzero_data=data, scale=scale, offset=offset
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)

    (found,) = execute(shown(constant), ZERO, opset="iOS18")
    dense = np.zeros((4, 4))
    dense[MASK == 1] = data
    np.testing.assert_allclose(found, np.where(MASK == 1, (dense - offset) * scale, 0), rtol=1e-6)


def test_sparse_and_palettized_together(execute) -> None:
    indices = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1])
    lut = np.array([2.0, 2.5, 3.0, 3.5], np.float32).reshape(1, 1, 2, 2)

    def constant():
        mask, values = mb.constexpr_lut_to_sparse(
            indices_mask=MASK.astype(kind("uint1")),
            indices_nonzero_data=indices.astype(kind("uint1")),
            lut=lut,
            vector_axis=np.int32(0),
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)

    (found,) = execute(shown(constant), ZERO, opset="iOS18")
    dense = np.zeros((4, 4))
    dense[MASK == 1] = indices + 2.0
    expected = np.repeat(dense, 2, 0) + np.where(np.repeat(MASK, 2, 0) == 1, np.arange(8)[:, None] % 2 * 0.5, 0)
    np.testing.assert_array_equal(found, expected)


def test_quantize_rounds_to_even_and_saturates(execute) -> None:
    x = np.array([[0.25, 0.75, 1.25, 200.0], [-0.25, -0.75, -1.25, -200.0]], np.float32)
    scale, zero = np.array([0.5, 0.25], np.float32), np.array([1, -1], np.int8)

    def build(x):
        quantized = mb.quantize(input=x, scale=scale, zero_point=zero, axis=0, output_dtype="int8")
        plain = mb.quantize(input=x, scale=np.float32(0.5), output_dtype="uint8")
        back = mb.dequantize(input=quantized, scale=scale, zero_point=zero, axis=0)
        return mb.cast(x=quantized, dtype="int32"), mb.cast(x=plain, dtype="int32"), back

    quantized, plain, back = execute(build, {"x": x})
    expected = np.clip(np.round(x / scale[:, None]) + zero[:, None], -128, 127)
    np.testing.assert_array_equal(quantized, expected)
    np.testing.assert_array_equal(plain, np.clip(np.round(x / 0.5), 0, 255))
    np.testing.assert_allclose(back, (expected - zero[:, None]) * scale[:, None])
