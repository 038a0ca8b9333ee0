"""From the pixels of a picture to the array that one input takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from mobiledeploy.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.records import InputSpec

__all__ = ["channel_order", "image_array", "is_picture", "tensor_array"]

_CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1}


def is_picture(spec: InputSpec) -> bool:
    """Whether the input is fed with pictures: an image input, or (N, C, H, W) of a floating dtype."""
    return spec.kind == "image" or (len(spec.shape) == 4 and np.dtype(spec.dtype).kind == "f")


def channel_order(spec: InputSpec) -> Literal["RGB", "BGR", "GRAYSCALE"]:
    """The colour order of an image input; where its source knows none, GRAYSCALE for one channel and RGB for three.

    Raises UnsupportedError where the shape (N, C, H, W) does not have that many channels.
    """
    channels = spec.shape[1] if len(spec.shape) == 4 else 0
    order = spec.preprocessing.color if spec.preprocessing else "GRAYSCALE" if channels == 1 else "RGB"
    if channels != _CHANNELS[order]:
        raise UnsupportedError(
            f"input `{spec.name}` of shape {spec.shape} cannot be a {order} image",
            remedy="Export it with --input-type tensor.",
        )
    return order


def image_array(spec: InputSpec, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What an image input takes of (H, W, 3) RGB pixels: the same, or (H, W) brightness for GRAYSCALE."""
    return _luma(pixels) if channel_order(spec) == "GRAYSCALE" else pixels


def tensor_array(spec: InputSpec, pictures: tuple[NDArray[np.uint8], ...]) -> NDArray[np.generic]:
    """(N, C, H, W) of the spec's dtype, of one (H, W, 3) RGB picture per batch entry: normalized as `preprocessing`
    says; where it is not known, or not made for that many channels, scaled to -1..1."""
    known = spec.preprocessing
    if known is not None and _CHANNELS[known.color] == spec.shape[1]:
        planes = np.stack([_ordered(picture, known.color) for picture in pictures])
        mean, std = (np.reshape(np.asarray(values, np.float64), (-1, 1, 1)) for values in (known.mean, known.std))
        return np.asarray((planes / 255.0 - mean) / std, dtype=spec.dtype)
    planes = np.stack([_spread(picture, spec.shape[1]) for picture in pictures])
    return np.asarray((planes / 255.0 - 0.5) / 0.5, dtype=spec.dtype)


def _ordered(pixels: NDArray[np.uint8], order: str) -> NDArray[np.uint8]:
    """(C, H, W) in the channel order."""
    if order == "GRAYSCALE":
        return _luma(pixels)[None]
    return np.moveaxis(pixels[:, :, ::-1] if order == "BGR" else pixels, -1, 0)


def _spread(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """(C, H, W) for any number of channels: the brightness for one, else the colours in turn, each repetition shifted
    sideways so that no two channels are alike and none can stand in for another."""
    if channels == 1:
        return _luma(pixels)[None]
    width = pixels.shape[1]
    shifts = [channel // 3 * width // -(-channels // 3) for channel in range(channels)]
    return np.stack([np.roll(pixels[:, :, channel % 3], shift, axis=1) for channel, shift in enumerate(shifts)])


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) brightness, ITU-R BT.601 in Pillow's fixed point."""
    return np.array(Image.fromarray(pixels).convert("L"), dtype=np.uint8)
