"""What the exported program takes of a sample's array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mobiledeploy.parity.pixels import channel_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.records import InputSpec

__all__ = ["picture_feed", "program_feed"]


def program_feed(spec: InputSpec, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The array for the program's placeholder. An image of (H, W, 3) RGB or (H, W) uint8 becomes float32
    (1, C, H, W) pixels 0..255 in the order of `preprocessing.color`; a tensor is taken as it is.

    Raises UnsupportedError for an image input whose shape does not fit its colour order.
    """
    if spec.kind == "tensor":
        return array
    order = channel_order(spec)
    planes = array[None] if order == "GRAYSCALE" else np.moveaxis(array, -1, 0)
    ordered = planes[::-1] if order == "BGR" else planes
    return np.ascontiguousarray(ordered[None], dtype=np.float32)


def picture_feed(spec: InputSpec, array: NDArray[np.generic]) -> NDArray[np.generic] | Image.Image:
    """The same for a package that takes pictures: a Pillow image in mode RGB or L, which the runtime puts into the
    package's colour order by itself; a tensor is taken as it is."""
    return Image.fromarray(np.asarray(array, np.uint8)) if spec.kind == "image" else array
