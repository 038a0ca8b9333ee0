"""A picture brought to the size of a model's input, the way the source's own evaluation code does it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mobiledeploy.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["centre_crop"]

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


def centre_crop(
    picture: Image.Image, height: int, width: int, *, crop: float = 1.0, interpolation: str = "bilinear"
) -> NDArray[np.uint8]:
    """The centre of `picture`, (height, width, 3) uint8 RGB: resized with its aspect kept until it covers
    height / crop x width / crop, then cut.

    For a square input these are the pixels of timm's evaluation transform (`Resize`, `CenterCrop`); sizes and offsets
    are integer arithmetic and Pillow resizes uint8 in fixed point, so that every machine gets the same bytes.

    Raises UnsupportedError for an interpolation that Pillow does not have.
    """
    if interpolation not in _FILTERS:
        known = ", ".join(_FILTERS)
        raise UnsupportedError(f"interpolation {interpolation!r} is not known", remedy=f"Use one of {known}.")
    scaled = _cover(picture.width, picture.height, math.floor(width / crop), math.floor(height / crop))
    resized = picture.resize(scaled, _FILTERS[interpolation])
    left, top = _offset(resized.width - width), _offset(resized.height - height)
    return np.array(resized.crop((left, top, left + width, top + height)), dtype=np.uint8)


def _cover(width: int, height: int, target_width: int, target_height: int) -> tuple[int, int]:
    """The smallest size of the aspect width:height that covers the target on both axes."""
    if width * target_height <= height * target_width:
        return target_width, max(target_height, target_width * height // width)
    return max(target_width, target_height * width // height), target_height


def _offset(surplus: int) -> int:
    # torchvision's CenterCrop rounds halves to even
    return round(surplus / 2)
