"""Convolution and pooling against direct sums in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from mobiledeploy.errors import PackageError


def pad_spatial(x: np.ndarray, pads, value: float = 0.0) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), *pads), constant_values=value)


def same(sizes, extents, strides, *, lower: bool = False):
    pads = []
    for size, extent, stride in zip(sizes, extents, strides, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + extent - size)
        pads.append((total - total // 2, total // 2) if lower else (total // 2, total - total // 2))
    return pads


def windows(x: np.ndarray, extents, strides):
    """(output position, window) pairs over the spatial axes."""
    counts = [(size - extent) // stride + 1 for size, extent, stride in zip(x.shape[2:], extents, strides, strict=True)]
    for position in itertools.product(*map(range, counts)):
        place = tuple(slice(p * s, p * s + e) for p, s, e in zip(position, strides, extents, strict=True))
        yield position, x[(slice(None), slice(None), *place)]


def convolve(x, weight, bias, *, strides, pads, dilations, groups):
    x, weight = pad_spatial(x.astype(np.float64), pads), weight.astype(np.float64)
    extents = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    spread = (slice(None), slice(None), *(slice(None, None, d) for d in dilations))
    pieces = {}
    for position, window in windows(x, extents, strides):
        taps = window[spread].reshape(len(x), groups, -1)
        kernels = weight.reshape(groups, len(weight) // groups, -1)
        pieces[position] = np.einsum("ngk,gok->ngo", taps, kernels).reshape(len(x), -1) + bias
    counts = np.array(max(pieces)) + 1
    out = np.zeros((len(x), len(weight), *counts))
    for position, value in pieces.items():
        out[(slice(None), slice(None), *position)] = value
    return out


CONVOLUTIONS = [
    # spatial sizes, kernel, strides, dilations, groups, pad_type, pad
    ((9,), (3,), (2,), (1,), 1, "valid", None),
    ((7, 8), (3, 3), (1, 1), (1, 1), 1, "custom", [1, 1, 1, 1]),
    ((7, 8), (3, 2), (2, 3), (1, 1), 2, "custom", [1, 0, 2, 1]),
    ((7, 8), (3, 3), (1, 1), (2, 1), 4, "valid", None),
    ((7, 8), (3, 3), (2, 2), (1, 1), 1, "same", None),
    ((7, 8), (4, 4), (3, 2), (1, 1), 1, "same_lower", None),
    ((4, 5, 6), (2, 3, 2), (1, 2, 1), (1, 1, 1), 1, "custom", [1, 0, 1, 1, 0, 1]),
]


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(execute, rng, case) -> None:
    sizes, kernel, strides, dilations, groups, pad_type, pad = case
    x = rng.standard_normal((2, 4, *sizes)).astype(np.float32)
    weight = rng.standard_normal((8, 4 // groups, *kernel)).astype(np.float32)
    bias = rng.standard_normal(8).astype(np.float32)
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = {
        "valid": [(0, 0)] * len(sizes),
        "custom": list(zip(pad[::2], pad[1::2], strict=True)) if pad else None,
        "same": same(sizes, extents, strides),
        "same_lower": same(sizes, extents, strides, lower=True),
    }[pad_type]
    options = {"pad": pad} if pad else {}
    (found,) = execute(
        lambda x: mb.conv(
            x=x,
            weight=weight,
            bias=bias,
            strides=strides,
            dilations=dilations,
            groups=groups,
            pad_type=pad_type,
            **options,
        ),
        {"x": x},
    )
    expected = convolve(x, weight, bias, strides=strides, pads=pads, dilations=dilations, groups=groups)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def transpose_convolve(x, weight, *, strides, groups, pads, size):
    """The gradient of a convolution: every input element adds its scaled kernel to the output."""
    n, channels = x.shape[:2]
    full = [(d - 1) * s + k for d, s, k in zip(x.shape[2:], strides, weight.shape[2:], strict=True)]
    out = np.zeros(
        (n, weight.shape[1] * groups, *(max(f, b + w) for f, (b, _), w in zip(full, pads, size, strict=True)))
    )
    per, wide = channels // groups, weight.shape[1]
    for position in itertools.product(*map(range, x.shape[2:])):
        place = tuple(slice(p * s, p * s + k) for p, s, k in zip(position, strides, weight.shape[2:], strict=True))
        for group in range(groups):
            values = x[(slice(None), slice(group * per, (group + 1) * per), *position)].astype(np.float64)
            piece = np.tensordot(values, weight[group * per : (group + 1) * per].astype(np.float64), 1)
            out[(slice(None), slice(group * wide, (group + 1) * wide), *place)] += piece
    return out[(slice(None), slice(None), *(slice(b, b + w) for (b, _), w in zip(pads, size, strict=True)))]


TRANSPOSED = [
    # sizes, kernel, strides, groups, arguments, begin of the crop, output size
    ((5,), (3,), (2,), 1, {}, (0,), (11,)),
    ((4, 5), (3, 3), (2, 1), 1, {"pad_type": "custom", "pad": [1, 0, 1, 1]}, (1, 1), (8, 5)),
    ((4, 5), (3, 3), (2, 2), 2, {"pad_type": "same"}, (0, 0), (8, 10)),
    (
        (4, 4),
        (2, 2),
        (2, 2),
        1,
        {"pad_type": "custom", "pad": [1, 1, 1, 1], "output_shape": [2, 4, 7, 7]},
        (1, 1),
        (7, 7),
    ),
]


@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolution(execute, rng, case) -> None:
    sizes, kernel, strides, groups, options, begin, size = case
    x = rng.standard_normal((2, 4, *sizes)).astype(np.float32)
    weight = rng.standard_normal((4, 4 // groups, *kernel)).astype(np.float32)
    bias = rng.standard_normal(4).astype(np.float32)
    (found,) = execute(
        lambda x: mb.conv_transpose(x=x, weight=weight, bias=bias, strides=strides, groups=groups, **options), {"x": x}
    )
    pads = [(b, 0) for b in begin]
    expected = transpose_convolve(x, weight, strides=strides, groups=groups, pads=pads, size=size)
    expected += bias.reshape(-1, *(1,) * len(sizes))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


POOLS = [
    # sizes, kernel, strides, pad_type, pad, ceil_mode
    ((9,), (3,), (2,), "valid", None, False),
    ((7, 8), (3, 2), (2, 2), "valid", None, True),
    ((7, 8), (3, 3), (2, 2), "custom", [1, 1, 1, 1], False),
    ((7, 8), (3, 3), (2, 2), "custom", [1, 1, 1, 1], True),
    ((6, 6), (2, 2), (2, 2), "custom", [1, 1, 1, 1], True),
    ((7, 8), (3, 3), (2, 2), "custom", [2, 0, 0, 1], False),
    ((7, 8), (3, 3), (2, 2), "custom", [2, 2, 2, 2], True),
    ((7, 7), (5, 5), (3, 3), "custom", [3, 3, 3, 3], True),
    ((7, 8), (3, 3), (2, 2), "same", None, False),
    ((4, 5, 6), (2, 2, 3), (2, 1, 2), "custom", [1, 1, 0, 0, 1, 1], False),
]


def pooled(x, kernel, strides, *, pads, ceil, exclude):
    """(largest, mean, root of squares) by the definition of the operators' documentation."""
    extra = []
    for size, k, s, (before, after) in zip(x.shape[2:], kernel, strides, pads, strict=True):
        count = -(-(size + before + after - k) // s) + 1 if ceil else (size + before + after - k) // s + 1
        if ceil and (count - 1) * s >= size + before and before + after > 0:
            count -= 1
        extra.append(max(0, (count - 1) * s + k - size - before - after))
    wide = [(before, after + more) for (before, after), more in zip(pads, extra, strict=True)]
    low, zero = pad_spatial(x, wide, -np.inf), pad_spatial(x, wide)
    inside = pad_spatial(np.ones_like(x), wide)
    counted = inside if exclude else pad_spatial(pad_spatial(np.ones_like(x), pads, 1.0), [(0, more) for more in extra])
    axes = tuple(range(2, x.ndim))
    rows = [
        (p, low[i].max(axes), zero[i].sum(axes) / counted[i].sum(axes), np.sqrt((zero[i] ** 2).sum(axes)))
        for p, i in ((p, (slice(None), slice(None), *w)) for p, w in _places(zero, kernel, strides))
    ]
    out = np.zeros((3, *x.shape[:2], *(np.array(max(p for p, *_ in rows)) + 1)))
    for position, *values in rows:
        for index, value in enumerate(values):
            out[(index, slice(None), slice(None), *position)] = value
    return out


def _places(x, kernel, strides):
    counts = [(size - k) // s + 1 for size, k, s in zip(x.shape[2:], kernel, strides, strict=True)]
    for position in itertools.product(*map(range, counts)):
        yield position, tuple(slice(p * s, p * s + k) for p, s, k in zip(position, strides, kernel, strict=True))


@pytest.mark.parametrize("case", POOLS)
@pytest.mark.parametrize("exclude", [False, True])
def test_pooling(execute, rng, case, exclude) -> None:
    sizes, kernel, strides, pad_type, pad, ceil = case
    x = rng.standard_normal((2, 3, *sizes)).astype(np.float32)
    options = {"kernel_sizes": kernel, "strides": strides, "pad_type": pad_type, "ceil_mode": ceil}
    options |= {"pad": pad} if pad else {}
    pads = list(zip(pad[::2], pad[1::2], strict=True)) if pad else [(0, 0)] * len(sizes)
    if pad_type == "same":
        pads = same(sizes, kernel, strides)
    largest, mean, *root = execute(
        lambda x: (
            mb.max_pool(x=x, **options),
            mb.avg_pool(x=x, exclude_padding_from_average=exclude, **options),
            *((mb.l2_pool(x=x, **options),) if len(sizes) < 3 else ()),
        ),
        {"x": x},
    )
    expected = pooled(x.astype(np.float64), kernel, strides, pads=pads, ceil=ceil, exclude=exclude)
    np.testing.assert_allclose(largest, expected[0], rtol=1e-6)
    np.testing.assert_allclose(mean, expected[1], rtol=1e-5, atol=1e-6)
    for value in root:
        np.testing.assert_allclose(value, expected[2], rtol=1e-5)


QUANTIZED = [
    ((3, 2, 3, 3), {"pad_type": "same"}, 8, [0.01], [-1.0]),
    ((3, 2, 3, 3), {"pad_type": "valid", "strides": [2, 1]}, 8, [0.5, 0.25, 2.0], [-64.0, 0.0, 3.0]),
    ((4, 1, 1, 2), {"pad_type": "valid", "groups": 2}, 4, [0.25], [0.5]),
    ((3, 2, 5), {"pad_type": "valid"}, 2, [1.0], [-2.0]),
]


@pytest.mark.parametrize("case", QUANTIZED)
def test_a_quantized_convolution_is_that_of_the_dequantized_weight(execute, rng, case) -> None:
    shape, options, bits, scale, shift = case
    weight = rng.integers(0, 2**bits, shape, np.uint8)
    x = rng.standard_normal((2, 2, 7, 6)[: len(shape)]).astype(np.float32)
    scale, shift = np.float32(scale), np.float32(shift)
    spatial = len(shape) - 2
    strides = options.get("strides", [1] * spatial)
    (found,) = execute(
        lambda x: mb.conv_quantized(
            x=x,
            weight=weight,
            quantization_type="linear",
            nbits=bits,
            quant_scale=scale,
            quant_bias=shift,
            **options,
        ),
        {"x": x},
    )
    columns = (-1, *(1,) * (len(shape) - 1))
    dequantized = weight * scale.astype(np.float64).reshape(columns) + shift.reshape(columns)
    pads = same(x.shape[2:], shape[2:], strides) if options["pad_type"] == "same" else [(0, 0)] * spatial
    expected = convolve(
        x,
        dequantized,
        np.zeros(shape[0]),
        strides=strides,
        pads=pads,
        dilations=[1] * spatial,
        groups=options.get("groups", 1),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_a_quantized_weight_beyond_its_bits_or_a_table_is_refused(execute) -> None:
    x, weight = np.zeros((1, 1, 2, 2), np.float32), np.full((1, 1, 1, 1), 16, np.uint8)

    def build(**options):
        given = {"quantization_type": "linear", "quant_scale": np.float32([1]), "quant_bias": np.float32([0])}
        return lambda x: mb.conv_quantized(x=x, weight=weight, **given | options)

    execute(build(nbits=5), {"x": x})
    with pytest.raises(PackageError, match="a quantized weight is 16, not below 16"):
        execute(build(nbits=4), {"x": x})
    with pytest.raises(PackageError, match="parameter 'quantization_type' is 'lut', expected one of linear"):
        execute(build(quantization_type="lut"), {"x": x})
