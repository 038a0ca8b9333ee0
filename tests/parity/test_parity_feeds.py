"""What the exported program, and a package that takes pictures, are given of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.parity.feeds import picture_feed, program_feed
from mobiledeploy.records import InputSpec, Preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def image(channels, color=None):
    known = Preprocessing((0.5,) * channels, (0.5,) * channels, color) if color else None
    return InputSpec("image", (1, channels, 5, 7), kind="image", preprocessing=known)


@pytest.mark.parametrize(("color", "order"), [("RGB", (0, 1, 2)), (None, (0, 1, 2)), ("BGR", (2, 1, 0))])
def test_an_image_becomes_pixels_0_to_255_in_the_models_colour_order(color, order):
    found = program_feed(image(3, color), PIXELS)
    assert found.dtype == np.float32
    assert found.shape == (1, 3, 5, 7)
    assert found.flags.c_contiguous
    for channel, source in enumerate(order):
        np.testing.assert_array_equal(found[0, channel], PIXELS[:, :, source])


@pytest.mark.parametrize("color", ["GRAYSCALE", None])
def test_a_grayscale_image_becomes_one_channel(color):
    found = program_feed(image(1, color), PIXELS[:, :, 0])
    assert found.shape == (1, 1, 5, 7)
    np.testing.assert_array_equal(found[0, 0], PIXELS[:, :, 0])


def test_a_tensor_is_taken_as_it_is():
    array = np.arange(6).reshape(2, 3)
    spec = InputSpec("x", (2, 3), "int64")
    assert program_feed(spec, array) is array
    assert picture_feed(spec, array) is array


@pytest.mark.parametrize(("channels", "pixels", "mode"), [(3, PIXELS, "RGB"), (1, PIXELS[:, :, 0], "L")])
def test_a_package_is_given_a_picture_with_the_same_pixels(channels, pixels, mode):
    picture = picture_feed(image(channels), pixels)
    assert picture.mode == mode
    assert picture.size == (7, 5)
    np.testing.assert_array_equal(np.array(picture), pixels)


def test_bgr_is_given_as_an_rgb_picture_because_the_package_reorders():
    np.testing.assert_array_equal(np.array(picture_feed(image(3, "BGR"), PIXELS)), PIXELS)


def test_an_image_input_that_is_no_image_is_refused():
    with pytest.raises(UnsupportedError, match=r"shape \(1, 2, 5, 7\) cannot be a RGB image.*--input-type tensor"):
        program_feed(image(2), PIXELS)
