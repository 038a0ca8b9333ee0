"""What a parity check feeds: photographs and a picture with their statistics, in the form each input wants."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.parity.crop import centre_crop
from mobiledeploy.parity.natural import natural_picture
from mobiledeploy.parity.photographs import installed_photograph, pictures_in, read_picture
from mobiledeploy.parity.pixels import image_array, is_picture, tensor_array
from mobiledeploy.records import InputSpec, Preprocessing

__all__ = ["Sample", "parity_samples"]

Painter = Callable[[InputSpec, int, int], NDArray[np.uint8]]
"""(input, its index, batch entry) to the (H, W, 3) uint8 RGB picture it sees."""

_INTEGERS_BELOW = 4
"""Integer inputs are class or position indices more often than not; one this small is valid nearly anywhere."""


@dataclass(frozen=True)
class Sample:
    """One set of inputs. `arrays`, by input name: (H, W, 3) uint8 RGB, or (H, W) for GRAYSCALE, for an image input; an
    array of the spec's shape and dtype for a tensor input."""

    name: str
    arrays: Mapping[str, NDArray[np.generic]]


def parity_samples(inputs: tuple[InputSpec, ...], *, images: Path | None = None, seed: int = 0) -> tuple[Sample, ...]:
    """The samples for a model with these inputs: `grace_hopper` (the photograph that matplotlib carries), `natural`
    (seeded), and every picture of the folder `images` under its file name.

    Several inputs of one model, and the entries of a batch, see differently shifted pictures: fed the same, a model
    that confuses them would pass. Inputs that are no pictures get seeded numbers.

    Raises ImageError for a missing, empty or unreadable folder or picture, UnsupportedError for an input whose dtype
    is not one of NumPy's numbers.
    """
    painters = {"grace_hopper": _photographer(installed_photograph()), "natural": _dreamer(seed)}
    painters |= {_printable(path.name): _photographer(path) for path in (pictures_in(images) if images else ())}
    return tuple(_sample(name, painter, inputs, seed) for name, painter in painters.items())


def _printable(name: str) -> str:
    """A file name as text that any report can hold: undecodable bytes and control characters escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _photographer(path: Path) -> Painter:
    picture = read_picture(path)

    def paint(spec: InputSpec, index: int, entry: int) -> NDArray[np.uint8]:
        known = spec.preprocessing or Preprocessing(mean=(), std=())
        height, width = spec.shape[-2:]
        cropped = centre_crop(picture, height, width, crop=known.crop, interpolation=known.interpolation)
        # 5/13 of the size: thirteen inputs and thirteen entries pass before a shift comes round again
        return np.roll(cropped, (index * 5 * height // 13, entry * 5 * width // 13), axis=(0, 1))

    return paint


def _dreamer(seed: int) -> Painter:
    def paint(spec: InputSpec, index: int, entry: int) -> NDArray[np.uint8]:
        height, width = spec.shape[-2:]
        return natural_picture(height, width, seed=(seed, index, entry))

    return paint


def _sample(name: str, paint: Painter, inputs: tuple[InputSpec, ...], seed: int) -> Sample:
    arrays: dict[str, NDArray[np.generic]] = {}
    for index, spec in enumerate(inputs):
        _check_dtype(spec)
        if not is_picture(spec):
            arrays[spec.name] = _numbers(spec, (seed, zlib.crc32(name.encode()), index))
        elif spec.kind == "image":
            arrays[spec.name] = image_array(spec, paint(spec, index, 0))
        else:
            arrays[spec.name] = tensor_array(spec, tuple(paint(spec, index, entry) for entry in range(spec.shape[0])))
    return Sample(name, arrays)


def _check_dtype(spec: InputSpec) -> None:
    try:
        known = np.dtype(spec.dtype).kind in "fiub"
    except TypeError:
        known = False
    if not known:
        raise UnsupportedError(
            f"input `{spec.name}` has dtype {spec.dtype}, which a parity check cannot feed",
            remedy="Give the model inputs of float, integer or boolean dtype.",
        )


def _numbers(spec: InputSpec, seed: tuple[int, ...]) -> NDArray[np.generic]:
    generator = np.random.Generator(np.random.PCG64(seed))
    if np.dtype(spec.dtype).kind == "f":
        return generator.standard_normal(spec.shape).astype(spec.dtype)
    below = 2 if np.dtype(spec.dtype).kind == "b" else _INTEGERS_BELOW
    return generator.integers(0, below, spec.shape).astype(spec.dtype)
