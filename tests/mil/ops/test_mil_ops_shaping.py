"""Operators that move values about: shapes, slices, joins, blocks."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

X = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)


def test_reshape_keeps_sizes_at_zeros_and_infers_minus_one(execute) -> None:
    (found,) = execute(lambda x: mb.reshape(x=x, shape=[0, -1, 2, 0]), {"x": X}, opset="iOS15")
    np.testing.assert_array_equal(found, X.reshape(2, 6, 2, 6))


def test_zeros_of_reshape_align_right_from_ios17(execute) -> None:
    x = np.arange(100, dtype=np.float32).reshape(2, 50)
    (found,) = execute(lambda x: mb.reshape(x=x, shape=[1, 0, -1, 0]), {"x": x}, opset="iOS17")
    assert found.shape == (1, 1, 2, 50)


@pytest.mark.parametrize("opset", ["iOS16", "iOS17"])
def test_reshape_to_a_shape_computed_in_the_run(execute, opset) -> None:
    shape = np.array([4, 0, -1, 2], np.int32)
    (found,) = execute(lambda x, shape: mb.reshape(x=x, shape=shape), {"x": X, "shape": shape}, opset=opset)
    np.testing.assert_array_equal(found, X.reshape(4, 3, -1, 2))


def test_reshape_like(execute) -> None:
    y = np.zeros((6, 5), np.float32)
    (found,) = execute(
        lambda x, y: mb.reshape_like(x=x, ref_tensors=(y, x), begins=(0, 2), ends=(1, 0), end_masks=(False, True)),
        {"x": X, "y": y},
    )
    np.testing.assert_array_equal(found, X.reshape(6, 4, 6))


def flat(x):
    return mb.reshape(x=x, shape=[6, 24])


SHAPES = {
    "transpose": (lambda x: mb.transpose(x=x, perm=[2, 0, -1, 1]), X.transpose(2, 0, 3, 1)),
    "expand_dims": (lambda x: mb.expand_dims(x=flat(x), axes=[0, -1]), X.reshape(1, 6, 24, 1)),
    "squeeze given": (lambda x: mb.squeeze(x=mb.expand_dims(x=flat(x), axes=[0, 2]), axes=[2]), X.reshape(1, 6, 24)),
    "squeeze all": (lambda x: mb.squeeze(x=mb.expand_dims(x=flat(x), axes=[0, 2])), X.reshape(6, 24)),
    "flatten2d": (lambda x: mb.flatten2d(x=x, axis=-2), X.reshape(6, 24)),
    "shape": (lambda x: mb.shape(x=mb.relu(x=x)), np.array([2, 3, 4, 6])),
    "identity": (lambda x: mb.identity(x=mb.relu(x=x)), X),
    "reverse": (lambda x: mb.reverse(x=x, axes=[1, -1]), X[:, ::-1, :, ::-1]),
    "reverse all": (lambda x: mb.reverse(x=x), X[::-1, ::-1, ::-1, ::-1]),
    "tile": (lambda x: mb.tile(x=x, reps=[1, 2, 1, 3]), np.tile(X, (1, 2, 1, 3))),
    "stack": (lambda x: mb.stack(values=(x, mb.mul(x=x, y=2.0)), axis=-1), np.stack((X, X * 2), -1)),
    "concat": (lambda x: mb.concat(values=(x, mb.mul(x=x, y=2.0)), axis=-3), np.concatenate((X, X * 2), 1)),
    "concat interleaved": (
        lambda x: mb.concat(values=(x, mb.mul(x=x, y=2.0)), axis=1, interleave=True),
        np.stack((X, X * 2), 2).reshape(2, 6, 4, 6),
    ),
    "concat of scalars": (
        lambda x: mb.concat(values=tuple(mb.reduce_max(x=y) for y in (x, mb.mul(x=x, y=2.0))), axis=0),
        np.array([X.max(), 2 * X.max()]),
    ),
    "sliding_windows": (
        lambda x: mb.sliding_windows(x=x, axis=-1, size=3, stride=2),
        np.stack([X[..., i : i + 3] for i in (0, 2)], -2),
    ),
    "crop": (lambda x: mb.crop(x=x, crop_height=[1, 0], crop_width=[2, 3]), X[..., 1:, 2:3]),
    "band_part lower": (lambda x: mb.band_part(x=x, lower=-1, upper=0), np.tril(X)),
    "band_part upper": (lambda x: mb.band_part(x=x, lower=0, upper=-1), np.triu(X)),
    "band_part band": (lambda x: mb.band_part(x=x, lower=1, upper=2), np.triu(np.tril(X, 2), -1)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_it_moves_values(execute, name) -> None:
    build, expected = SHAPES[name]
    (found,) = execute(build, {"x": X})
    np.testing.assert_array_equal(found, expected)


SLICES = [
    # begin, end, other arguments, the same in NumPy
    ([0, 1, -3, 1], [2, 3, 4, -1], {}, np.s_[0:2, 1:3, -3:4, 1:-1]),
    ([1, 0, 0, 5], [2, 3, 4, 0], {"stride": [1, 2, 1, -2]}, np.s_[1:2, 0:3:2, 0:4, 5:0:-2]),
    (
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        {"stride": [-1, 1, -1, 1], "begin_mask": [True] * 4, "end_mask": [True] * 4},
        np.s_[::-1, :, ::-1, :],
    ),
    (
        [1, 0, 9, 0],
        [2, 3, 0, 6],
        {"stride": [1, 1, -1, 4], "end_mask": [False, False, True, False]},
        np.s_[1:2, 0:3, 9::-1, 0:6:4],
    ),
    (
        [1, -1, 0, 4],
        [0, 0, 4, 0],
        {"stride": [1, 1, 1, -3], "squeeze_mask": [True, True, False, False]},
        np.s_[1, -1, 0:4, 4:0:-3],
    ),
]


@pytest.mark.parametrize(("begin", "end", "options", "index"), SLICES)
def test_slice_by_index_is_pythons_slice(execute, begin, end, options, index) -> None:
    ends = {"begin": np.array(begin, np.int32), "end": np.array(end, np.int32)}
    constant, dynamic = execute(
        lambda x, begin, end: (
            mb.slice_by_index(x=x, begin=ends["begin"], end=ends["end"], **options),
            mb.slice_by_index(x=x, begin=begin, end=end, **options),
        ),
        {"x": X} | ends,
    )
    np.testing.assert_array_equal(constant, X[index])
    np.testing.assert_array_equal(dynamic, X[index])


@pytest.mark.parametrize(("begin", "end", "options", "index"), SLICES[:3])
def test_slice_update_writes_where_slice_by_index_reads(execute, begin, end, options, index) -> None:
    update = -np.arange(X[index].size, dtype=np.float32).reshape(X[index].shape) - 1
    found, untouched = execute(
        lambda x, update: (mb.slice_update(x=x, update=update, begin=begin, end=end, **options), mb.relu(x=x)),
        {"x": X, "update": update},
        opset="iOS18",
    )
    expected = X.copy()
    expected[index] = update
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(untouched, X)


def test_slice_by_size(execute) -> None:
    begin, size = np.array([0, -2, 1, 2], np.int32), np.array([1, 2, -1, 3], np.int32)
    constant, dynamic = execute(
        lambda x, begin: (
            mb.slice_by_size(x=x, begin=np.array([0, 1, 1, 2], np.int32), size=size),
            mb.slice_by_size(x=x, begin=begin, size=size),
        ),
        {"x": X, "begin": begin},
    )
    np.testing.assert_array_equal(constant, X[0:1, 1:3, 1:, 2:5])
    np.testing.assert_array_equal(dynamic, X[0:1, 1:3, 1:, 2:5])


def test_split(execute) -> None:
    found = execute(
        lambda x: (*mb.split(x=x, num_splits=3, axis=1), *mb.split(x=x, split_sizes=[1, 5], axis=-1)), {"x": X}
    )
    for value, expected in zip(found, (*np.split(X, 3, 1), X[..., :1], X[..., 1:]), strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate"])
def test_pad(execute, mode) -> None:
    amounts = [(0, 0), (0, 2), (1, 2), (3, 0)]
    numpy_mode = {"replicate": {"mode": "edge"}, "reflect": {"mode": "reflect"}}.get(mode, {"constant_values": -1.5})
    (found,) = execute(
        lambda x: mb.pad(x=x, pad=np.array(amounts[1:]).reshape(-1), mode=mode, constant_val=-1.5), {"x": X}
    )
    np.testing.assert_array_equal(found, np.pad(X, amounts, **numpy_mode))


def test_pad_by_amounts_computed_in_the_run(execute) -> None:
    amounts = np.array([0, 0, 0, 2, 1, 2, 3, 0], np.int32)
    (found,) = execute(lambda x, pad: mb.pad(x=x, pad=pad), {"x": X, "pad": amounts})
    np.testing.assert_array_equal(found, np.pad(X, amounts.reshape(4, 2)))


B = np.arange(2 * 8 * 2 * 3, dtype=np.float32).reshape(2, 8, 2, 3)


def spread(x: np.ndarray, slow: bool) -> np.ndarray:
    """Blocks of 2 x 2 channels into space; the block is the slower or the faster part of the channel."""
    n, c, h, w = x.shape
    out = np.zeros((n, c // 4, 2 * h, 2 * w), x.dtype)
    for i in range(2):
        for j in range(2):
            for k in range(c // 4):
                out[:, k, i::2, j::2] = x[:, (2 * i + j) * (c // 4) + k if slow else 4 * k + 2 * i + j]
    return out


def test_blocks_between_depth_and_space(execute) -> None:
    found = execute(
        lambda b: (
            mb.depth_to_space(x=b, block_size=2),
            mb.pixel_shuffle(x=b, upscale_factor=2),
            mb.space_to_depth(x=mb.depth_to_space(x=b, block_size=2), block_size=2),
            mb.pixel_unshuffle(x=mb.pixel_shuffle(x=b, upscale_factor=2), downscale_factor=np.uint32(2)),
        ),
        {"b": B},
    )
    for value, expected in zip(found, (spread(B, True), spread(B, False), B, B), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_space_to_batch_and_back(execute) -> None:
    there, back = execute(
        lambda b: (
            mb.space_to_batch(x=b, block_shape=[2, 3], paddings=[[1, 1], [0, 3]]),
            mb.batch_to_space(
                x=mb.space_to_batch(x=b, block_shape=[2, 3], paddings=[[1, 1], [0, 3]]),
                block_shape=[2, 3],
                crops=[[1, 1], [0, 3]],
            ),
        ),
        {"b": B},
    )
    wide = np.pad(B, ((0, 0), (0, 0), (1, 1), (0, 3)))
    expected = np.concatenate([wide[:, :, i::2, j::3] for i in range(2) for j in range(3)])
    np.testing.assert_array_equal(there, expected)
    np.testing.assert_array_equal(back, B)


def test_reverse_sequence(execute) -> None:
    lengths = np.array([2, 5, 0], np.int32)
    (found,) = execute(
        lambda x, lengths: mb.reverse_sequence(x=x, lengths=lengths, seq_axis=3, batch_axis=1),
        {"x": X, "lengths": lengths},
    )
    expected = X.copy()
    for row, length in enumerate(lengths):
        expected[:, row, :, :length] = X[:, row, :, :length][..., ::-1]
    np.testing.assert_array_equal(found, expected)
