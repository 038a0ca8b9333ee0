"""What a model is run on: pictures, arrays from files, or seeded numbers."""

from __future__ import annotations

import tokenize
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mobiledeploy.errors import InputError
from mobiledeploy.parity.crop import centre_crop
from mobiledeploy.parity.natural import natural_picture
from mobiledeploy.parity.photographs import read_picture
from mobiledeploy.parity.pixels import tensor_array
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import InputSpec, Preprocessing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.mil.description import Feature
    from mobiledeploy.pipeline.runnable import RunInput

__all__ = ["GivenInputs", "feeds"]

_INTEGERS_BELOW = 4
"""Integer inputs are indices more often than not; one this small is valid nearly anywhere."""


@dataclass(frozen=True)
class GivenInputs:
    """`images`: pictures, each for the input of that name, or for the only one that takes a picture where it is None.
    `arrays`: `.npy` files by input. `archive`: a `.npz` file of arrays under the inputs' names. `random`: whether
    inputs that are not given get numbers that `seed` determines."""

    images: tuple[tuple[str | None, Path], ...] = ()
    arrays: tuple[tuple[str, Path], ...] = ()
    archive: Path | None = None
    random: bool = False
    seed: int = 0


def feeds(inputs: tuple[RunInput, ...], given: GivenInputs, progress: Progress = SILENT) -> dict[str, Any]:
    """What to give `predict`, by name.

    Pictures are resized and cropped to the size that the input takes, unless it takes their own. Random numbers: of the
    standard normal distribution, integers from 0 to 3, images with a photograph's statistics.

    Raises InputError for a name that no input has or that is given twice, for inputs that are not given (all of them
    are named), and for files that hold no array; ImageError for a picture that cannot be read.
    """
    known = {entry.feature.name: entry for entry in inputs}
    found: dict[str, Any] = {}
    for name, array in _arrays(given):
        _keep(found, name, array, known)
    for wanted, path in given.images:
        entry = _entry_for(wanted, path, known, found)
        _keep(found, entry.feature.name, _picture(entry, read_picture(path), progress), known)
    missing = [entry for entry in inputs if entry.feature.name not in found and not entry.feature.optional]
    if missing and not given.random:
        raise InputError(
            f"inputs are not given: {', '.join(map(str, missing))}",
            remedy="Give each with --image or --input NAME=FILE.npy, or add --random.",
        )
    for entry in missing:
        found[entry.feature.name] = _random(entry, (given.seed, inputs.index(entry)))
    return found


def _keep(found: dict[str, Any], name: str, value: Any, known: Mapping[str, RunInput]) -> None:
    if name not in known:
        raise InputError(
            f"the model has no input `{name}`", remedy=f"Its inputs: {', '.join(map(str, known.values()))}."
        )
    if name in found:
        raise InputError(f"input `{name}` is given twice", remedy="Give it once.")
    found[name] = value


def _arrays(given: GivenInputs) -> Iterable[tuple[str, NDArray[np.generic]]]:
    if given.archive is not None:
        loaded = _load(given.archive)
        if not isinstance(loaded, dict):
            raise InputError(
                f"{given.archive.name} holds one array, without a name",
                where=str(given.archive),
                remedy="Give it with --input NAME=FILE.npy.",
            )
        yield from loaded.items()
    for name, path in given.arrays:
        array = _load(path)
        if isinstance(array, dict):
            raise InputError(
                f"{path.name} holds several arrays", where=str(path), remedy="Give it with --inputs FILE.npz."
            )
        yield name, array


def _load(path: Path) -> NDArray[np.generic] | dict[str, NDArray[np.generic]]:
    """The array of a `.npy` file, or the arrays of a `.npz` file; nothing in them can run code."""
    remedy = "Write it with numpy.save or numpy.savez."
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        reason = error.strerror or "it is no NumPy file"
        raise InputError(f"cannot read {path.name}: {reason}", where=str(path), remedy=remedy) from None
    # what numpy and zipfile raise for bytes that are not theirs
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError, MemoryError, SyntaxError, tokenize.TokenError):
        raise InputError(f"{path.name} is no file of numbers by NumPy", where=str(path), remedy=remedy) from None


def _entry_for(name: str | None, path: Path, known: Mapping[str, RunInput], found: Mapping[str, Any]) -> RunInput:
    if name is not None:
        entry = known.get(name)
        if entry is None or not entry.takes_picture:
            what = f"the model has no input `{name}`" if entry is None else f"input `{name}` takes no picture"
            raise InputError(what, remedy=f"Its inputs: {', '.join(map(str, known.values()))}.")
        return entry
    waiting = [entry for key, entry in known.items() if key not in found and entry.takes_picture]
    candidates = [entry for entry in waiting if entry.feature.kind == "image"] or waiting
    if len(candidates) == 1:
        return candidates[0]
    takes = ", ".join(map(str, known.values()))
    if not candidates:
        raise InputError(f"no input waits for the picture {path.name}", remedy=f"The model takes {takes}.")
    names = ", ".join(entry.feature.name for entry in candidates)
    raise InputError(f"{path.name} could be for each of {names}", remedy="Say which: --image NAME=FILE.")


def _picture(entry: RunInput, picture: Image.Image, progress: Progress) -> Any:
    """What the input takes of a picture in mode RGB."""
    feature, spec = entry.feature, entry.spec
    known = spec.preprocessing if spec is not None else None
    crop = known or Preprocessing(mean=(), std=())
    size = _size(feature, (picture.height, picture.width))
    if size == (picture.height, picture.width) and (feature.enumerated or feature.ranges):
        pixels = np.asarray(picture)
    else:
        pixels = centre_crop(picture, *size, crop=crop.crop, interpolation=crop.interpolation)
    if feature.kind == "image":
        return _image(feature, pixels)
    shape = (*feature.shape[:2], *size)
    if known is None:
        progress.note(f"Nobody knows how {feature.name} is normalized: its pixels are scaled to -1..1.")
    tensor = InputSpec(feature.name, shape, dtype=feature.dtype or "float32", preprocessing=known)
    return tensor_array(tensor, (pixels,) * shape[0])


def _size(feature: Feature, own: tuple[int, int]) -> tuple[int, int]:
    """(height, width): the picture's own where the input takes several sizes and this is one, else the default."""
    image = feature.kind == "image"
    whole = (*own, *feature.shape[2:]) if image else (*feature.shape[:2], *own)
    if feature.enumerated or feature.ranges:
        try:
            feature.check_shape(whole)
        except InputError:
            pass
        else:
            return own
    height, width = feature.default_shape[:2] if image else feature.default_shape[-2:]
    return height, width


def _image(feature: Feature, pixels: NDArray[np.uint8]) -> Image.Image:
    mode = {"GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}.get(feature.color or "", "RGB")
    picture = Image.fromarray(pixels)
    return picture if mode == "RGB" else picture.convert("L").convert(mode)


def _random(entry: RunInput, seed: tuple[int, int]) -> Any:
    feature = entry.feature
    generator = np.random.Generator(np.random.PCG64(seed))
    shape = feature.default_shape
    if feature.kind == "image":
        return _image(feature, natural_picture(*shape[:2], seed=seed))
    if feature.kind == "double":
        return float(generator.random())
    if feature.kind == "int64":
        return int(generator.integers(0, _INTEGERS_BELOW))
    if feature.kind != "multiarray" or not shape:
        what = f"no random numbers can be made for {entry}" + ("" if shape else ": it declares no shape")
        raise InputError(what, remedy=f"Give it with --input {feature.name}=FILE.npy.")
    dtype = np.dtype(feature.dtype or "float32")
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2 if dtype.kind == "b" else _INTEGERS_BELOW, shape).astype(dtype)
