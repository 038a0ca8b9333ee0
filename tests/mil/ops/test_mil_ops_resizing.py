"""Resizing and resampling: the samples of the operators' documentation, and NumPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

RAMP = np.array([0, 1], np.float32).reshape(1, 1, 1, 2)

# from the documentation of resize_bilinear, for two elements 0 and 1
DOCUMENTED = [
    ("UNALIGN_CORNERS", 5, [0, 0.1, 0.5, 0.9, 1]),
    ("STRICT_ALIGN_CORNERS", 5, [0, 0.25, 0.5, 0.75, 1]),
    ("ALIGN_CORNERS", 5, [0, 0.25, 0.5, 0.75, 1]),
    ("DEFAULT", 5, [0, 0.4, 0.8, 1, 1]),
    ("OFFSET_CORNERS", 5, [0.1, 0.3, 0.5, 0.7, 0.9]),
    ("UNALIGN_CORNERS", 6, [0, 0, 1 / 3, 2 / 3, 1, 1]),
    ("STRICT_ALIGN_CORNERS", 6, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ("DEFAULT", 6, [0, 1 / 3, 2 / 3, 1, 1, 1]),
    ("OFFSET_CORNERS", 6, [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]),
    ("ALIGN_CORNERS", 1, [0.5]),
    ("STRICT_ALIGN_CORNERS", 1, [0]),
]


@pytest.mark.parametrize(("mode", "size", "expected"), DOCUMENTED)
def test_the_samples_are_those_of_the_documentation(execute, mode, size, expected) -> None:
    old, new = execute(
        lambda x: (
            mb.resize_bilinear(x=x, target_size_height=1, target_size_width=size, sampling_mode=mode),
            mb.resize(x=x, shape=[1, size], resized_dims=np.uint32(2), sampling_mode=mode),
        ),
        {"x": RAMP},
    )
    np.testing.assert_allclose(old.reshape(-1), expected, atol=1e-6)
    np.testing.assert_allclose(new.reshape(-1), expected, atol=1e-6)


def interpolated(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Along both axes by NumPy, which holds the values beyond the ends."""
    high = np.apply_along_axis(lambda line: np.interp(rows, np.arange(len(line)), line), -2, x.astype(float))
    return np.apply_along_axis(lambda line: np.interp(columns, np.arange(len(line)), line), -1, high)


@pytest.mark.parametrize("align", [False, True])
def test_upsample_bilinear(execute, rng, align) -> None:
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    (found,) = execute(
        lambda x: mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=3, align_corners=align), {"x": x}
    )
    rows, columns = (
        np.linspace(0, n - 1, n * f) if align else (np.arange(n * f) + 0.5) / f - 0.5 for n, f in ((4, 2), (5, 3))
    )
    np.testing.assert_allclose(found, interpolated(x, rows, columns), rtol=1e-5, atol=1e-6)


def test_upsample_bilinear_from_the_first_element(execute, rng) -> None:
    x = rng.standard_normal((1, 2, 3, 4)).astype(np.float32)
    (found,) = execute(
        lambda x: mb.upsample_bilinear(
            x=x, scale_factor_height=2, scale_factor_width=2, align_corners=False, half_pixel_centers=False
        ),
        {"x": x},
    )
    np.testing.assert_allclose(found, interpolated(x, np.arange(6) / 2, np.arange(8) / 2), rtol=1e-5, atol=1e-6)


def test_nearest_neighbours(execute) -> None:
    """The older operators take the element before a sample, `resize` the nearest one."""
    x = np.array([[10, 20, 30]], np.float32).reshape(1, 1, 1, 3)
    up, fractional, resized, newer = execute(
        lambda x: (
            mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2),
            mb.upsample_nearest_neighbor(x=x, scale_factor_height=1.0, scale_factor_width=np.float32(5 / 3)),
            mb.resize_nearest_neighbor(x=x, target_size_height=1, target_size_width=5),
            mb.resize(x=x, shape=[1, 5], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR"),
        ),
        {"x": x},
    )
    np.testing.assert_array_equal(up[0, 0], [[10, 10, 20, 20, 30, 30]] * 2)
    assert fractional.reshape(-1).tolist() == [10, 10, 20, 20, 30]
    assert resized.reshape(-1).tolist() == [10, 10, 20, 20, 30]
    assert newer.reshape(-1).tolist() == [10, 20, 20, 30, 30]


def test_resize_to_a_shape_computed_in_the_run(execute) -> None:
    shape = np.array([1, 5], np.int32)
    (found,) = execute(
        lambda x, shape: mb.resize(x=x, shape=shape, resized_dims=np.uint32(2)), {"x": RAMP, "shape": shape}
    )
    np.testing.assert_allclose(found.reshape(-1), [0, 0.4, 0.8, 1, 1], atol=1e-6)


IMAGE = np.array([11, 22, 33, 44], np.float32).reshape(1, 1, 2, 2)
POINTS = np.array([-1.0, -2.0, -3.7, -1.0, 0.0, 0.0, 3.5, 1.2], np.float32).reshape(1, 2, 2, 2)

# expected values of Core ML, from coremltools' own operator tests
RESAMPLED = [
    ("bilinear", "constant", "normalized_minus_one_to_one", True, [8.585, 6.17, 27.5, 6.17]),
    ("nearest", "border", "unnormalized", False, [11, 11, 11, 44]),
    ("bilinear", "reflection", "normalized_zero_to_one", True, [22, 36.3, 11, 34.1]),
    ("nearest", "symmetric", "normalized_zero_to_one", False, [22, 33, 11, 33]),
]


@pytest.mark.parametrize("case", RESAMPLED)
def test_resample(execute, case) -> None:
    sampling, padding, coordinates, align, expected = case
    (found,) = execute(
        lambda x, points: mb.resample(
            x=x,
            coordinates=points,
            sampling_mode=sampling,
            padding_mode=padding,
            padding_value=6.17,
            coordinates_mode=coordinates,
            align_corners=align,
        ),
        {"x": IMAGE, "points": POINTS},
    )
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-5)


def test_the_nearest_pixel_is_sampled(execute) -> None:
    points = np.array([[0.4, 0.6], [0.6, 0.4], [1.4, -0.4], [-0.6, 1.4]], np.float32).reshape(1, 2, 2, 2)
    (found,) = execute(
        lambda x, points: mb.resample(
            x=x,
            coordinates=points,
            sampling_mode="nearest",
            padding_mode="constant",
            padding_value=-1.0,
            coordinates_mode="unnormalized",
            align_corners=True,
        ),
        {"x": IMAGE, "points": points},
    )
    assert found.reshape(-1).tolist() == [33, 22, 22, -1]


def test_affine(execute) -> None:
    matrix = np.array([[-1.0, -2.0, -3.7, -1.0, 3.5, 1.2]], np.float32)
    (found,) = execute(
        lambda x, matrix: mb.affine(
            x=x,
            transform_matrix=matrix,
            output_height=3,
            output_width=3,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
        ),
        {"x": IMAGE, "matrix": matrix},
    )
    np.testing.assert_allclose(found.reshape(-1), [10.7525, 2.5025, 0, 1.98, 0, 0, 0, 0, 0], atol=1e-5)


GRID = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
BOXES = np.array([[0.1, 0.3, 1.3, 1.0], [0.5, 1.8, 1.0, 0.3], [0.0, 0.4, 0.6, 0.7]], np.float32)
CROPPED = [3.1, 5.2, 10, 10, 10, 7.9, 10, 13.9, 2.2, 3.1, 9.4, 10.3]


def test_crop_resize_pads_outside_the_image(execute) -> None:
    options = {
        "target_height": 2,
        "target_width": 2,
        "normalized_coordinates": True,
        "sampling_mode": "ALIGN_CORNERS",
        "pad_value": 10.0,
    }
    (newer,) = execute(
        lambda x: mb.crop_resize(x=x, boxes=BOXES, box_indices=np.zeros(3, np.int32), **options), {"x": GRID}
    )
    roi = np.concatenate((np.zeros((3, 1), np.float32), BOXES), 1).reshape(3, 1, 5, 1, 1)
    (older,) = execute(lambda x: mb.crop_resize(x=x, roi=roi, **options), {"x": GRID}, opset="iOS16")
    assert newer.shape == (3, 1, 2, 2)
    assert older.shape == (3, 1, 1, 2, 2)
    np.testing.assert_allclose(newer.reshape(-1), CROPPED, rtol=1e-5)
    np.testing.assert_allclose(older.reshape(-1), CROPPED, rtol=1e-5)


MODES = {
    "CORNERS_HEIGHT_FIRST": [1, 0, 3, 2],
    "CORNERS_WIDTH_FIRST": [0, 1, 2, 3],
    "CENTER_SIZE_HEIGHT_FIRST": [2, 1, 2, 2],
    "CENTER_SIZE_WIDTH_FIRST": [1, 2, 2, 2],
}


@pytest.mark.parametrize("mode", MODES)
def test_a_box_can_be_written_in_four_ways(execute, mode) -> None:
    box = np.array(MODES[mode], np.float32).reshape(1, 1, 4, 1, 1)
    (found,) = execute(
        lambda x: mb.crop_resize(
            x=x,
            roi=box,
            target_height=3,
            target_width=2,
            box_coordinate_mode=mode,
            sampling_mode="STRICT_ALIGN_CORNERS",
        ),
        {"x": GRID},
        opset="iOS15",
    )
    np.testing.assert_allclose(found[0, 0, 0], GRID[0, 0, 1:, 0:3:2], rtol=1e-6)


def test_half_way_between_two_elements_resize_takes_the_one_before(execute) -> None:
    x = np.array([10, 20, 30, 40], np.float32).reshape(1, 1, 1, 4)
    (found,) = execute(
        lambda x: mb.resize(x=x, shape=[1, 8], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR"),
        {"x": x},
    )
    assert found.reshape(-1).tolist() == [10, 10, 20, 20, 30, 30, 40, 40]


def test_zero_keeps_a_size(execute) -> None:
    (found,) = execute(
        lambda x, shape: mb.resize(x=x, shape=shape, resized_dims=np.uint32(2)),
        {"x": GRID, "shape": np.array([0, 2], np.int32)},
    )
    np.testing.assert_array_equal(found, GRID[..., ::2])


def test_boxes_are_scaled_to_the_image(execute) -> None:
    """A box in pixels of a picture four times as large."""
    box = np.array([4, 0, 12, 8], np.float32).reshape(1, 1, 4, 1, 1)
    (found,) = execute(
        lambda x: mb.crop_resize(
            x=x,
            roi=box,
            target_height=3,
            target_width=2,
            spatial_scale=np.float32(0.25),
            sampling_mode="STRICT_ALIGN_CORNERS",
        ),
        {"x": GRID},
        opset="iOS16",
    )
    np.testing.assert_allclose(found[0, 0, 0], GRID[0, 0, 1:, 0:3:2], rtol=1e-6)


def test_in_ios15_a_point_outside_the_image_takes_the_nearest_pixel(execute) -> None:
    box = np.array([-1, -1, 1, 0], np.float32).reshape(1, 1, 4, 1, 1)
    (found,) = execute(
        lambda x: mb.crop_resize(x=x, roi=box, target_height=3, target_width=2, sampling_mode="STRICT_ALIGN_CORNERS"),
        {"x": GRID},
        opset="iOS15",
    )
    np.testing.assert_array_equal(found[0, 0, 0], [[1, 1], [1, 1], [5, 5]])


def test_a_box_names_its_image(execute) -> None:
    images = np.concatenate((GRID, GRID + 100))
    (found,) = execute(
        lambda x: mb.crop_resize(
            x=x,
            boxes=np.array([[0, 0, 3, 3], [0, 0, 3, 3], [3, 3, 0, 0]], np.float32),
            box_indices=np.array([1, 0, 1], np.int32),
            target_height=4,
            target_width=4,
            sampling_mode="STRICT_ALIGN_CORNERS",
        ),
        {"x": images},
    )
    np.testing.assert_allclose(found[:, 0], [GRID[0, 0] + 100, GRID[0, 0], GRID[0, 0, ::-1, ::-1] + 100], rtol=1e-6)
