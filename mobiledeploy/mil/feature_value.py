"""What people give and get: arrays, images and dictionaries, as the tensors of a program and back.

The conventions are those of coremltools' `MLModel.predict`: integers may be given as floats, whose fractions are cut
off; fp16 comes back as float32, booleans as int32, a scalar with the shape (1,); colour images come back as RGBA.
"""

from __future__ import annotations

from math import trunc
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from PIL import Image

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import TensorType, ValueType
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature

__all__ = ["Prediction", "default_tensor", "from_tensor", "to_tensor"]

Prediction: TypeAlias = "np.ndarray | Image.Image | str | int | dict[Any, float]"

_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


def to_tensor(feature: Feature, value: Any, kind: ValueType, *, rounds: bool) -> torch.Tensor:
    """The program's tensor for what was given for an input.

    A multiarray is anything NumPy makes an array of. An image is a PIL image of the matching mode, or an array
    (H, W, 3) in RGB order or (H, W). Raises InputError if it does not fit the description.
    """
    if not isinstance(kind, TensorType):
        raise PackageError(f"input {feature.name!r} is a {kind}, not a tensor", remedy="Export the package again.")
    array = _pixels(feature, value) if feature.kind == "image" else _array(feature, value)
    return _carry(feature, array, kind, rounds)


def _array(feature: Feature, value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise feature.wrong(f"it is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise feature.wrong(f"it holds {array.dtype}, expected numbers")
    feature.check_shape(array.shape)
    return array


def _pixels(feature: Feature, value: Any) -> np.ndarray:
    """Pixels as (1, C, H, W) in the channel order of the program."""
    mode = _MODES[feature.color or ""]
    if isinstance(value, Image.Image):
        if value.mode != mode:
            raise feature.wrong(f"the image has mode {value.mode}, expected {mode}: use image.convert({mode!r})")
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "uif":
        raise feature.wrong(f"it is a {type(value).__name__}, expected a PIL image or an array of pixels")
    feature.check_shape(value.shape)
    if value.ndim == 2:
        return value[None, None]
    channels = value.transpose(2, 0, 1)[None]
    return channels[:, ::-1] if feature.color == "BGR" else channels


def _carry(feature: Feature, array: np.ndarray, kind: TensorType, rounds: bool) -> torch.Tensor:
    tensor = _tensor(feature, array, kind.dtype).to(kind.dtype.carrier)
    if kind.dtype is DataType.FLOAT16 and rounds:
        tensor = tensor.half().float()
    if kind.size is None or kind.shape is None:
        return tensor
    if tensor.numel() != kind.size:
        raise feature.wrong(f"its shape is {tuple(array.shape)}, the program takes {kind}")
    return tensor.reshape([size for size in kind.shape if size is not None])


def _tensor(feature: Feature, array: np.ndarray, target: DataType) -> torch.Tensor:
    """Numbers that an integer type does not hold are refused, fractions are cut off: what the conversion makes of those
    numbers depends on the processor."""
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.size and not target.is_float and target is not DataType.BOOL:
        low, high = target.bounds
        if not np.isfinite(array).all() or trunc(array.min().item()) < low or trunc(array.max().item()) > high:
            raise feature.wrong(f"it holds numbers beyond {target.spelling}'s {low}..{high}")
    # a copy, so that neither read-only arrays nor negative strides reach torch
    return torch.from_numpy(np.array(array, order="C"))


def default_tensor(feature: Feature, kind: ValueType, *, rounds: bool) -> torch.Tensor:
    """What an optional input holds when it is not given: its default everywhere, or zeros. Raises PackageError."""
    if not isinstance(kind, TensorType):
        raise PackageError(f"input {feature.name!r} is a {kind}, not a tensor", remedy="Export the package again.")
    unknown = kind.shape is None or None in kind.shape
    shape = feature.shape if unknown else tuple(size for size in kind.shape or () if size is not None)
    try:
        array = np.full(checked_shape(shape), feature.default or 0.0)
    except ValueError as error:
        raise PackageError(f"input {feature.name!r}: {error}", remedy="Export the package again.") from None
    return _carry(feature, array, kind, rounds)


def from_tensor(feature: Feature | None, value: Any) -> Prediction:
    """What a caller gets for an output of the program. Raises PackageError if it is no output of its description."""
    if not isinstance(value, torch.Tensor):
        if isinstance(value, str | int | dict):
            return value
        raise PackageError(f"an output is a {type(value).__name__}, not a tensor", remedy="Export the package again.")
    if feature is not None and feature.kind == "image":
        return _image(feature, value)
    array = np.array(value.numpy()).reshape(value.shape or (1,))
    if feature is not None and feature.dtype == "float64":
        return array.astype(np.float64)
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    return array.astype(np.int8 if feature is not None and feature.dtype == "int8" else np.int32, copy=False)


def _image(feature: Feature, value: torch.Tensor) -> Image.Image:
    colored = feature.color in ("RGB", "BGR")
    if value.dim() != 4 or value.shape[0] != 1 or value.shape[1] != (3 if colored else 1):
        raise PackageError(
            f"image output {feature.name!r} has the shape {tuple(value.shape)}", remedy="Export the package again."
        )
    if feature.color == "GRAYSCALE_FLOAT16":
        return Image.fromarray(value[0, 0].float().numpy())
    # pixels saturate; between two of them, the nearest
    pixels = value[0].float().nan_to_num(nan=0.0).clamp(0, 255).round().to(torch.uint8)
    if not colored:
        return Image.fromarray(pixels[0].numpy())
    if feature.color == "BGR":
        pixels = pixels.flip(0)
    return Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())).convert("RGBA")
