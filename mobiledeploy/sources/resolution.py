"""A model of the zoo at another resolution than that of its training.

Three kinds of models: those that take pictures of any size, those that are made for one and have their position
embeddings resampled for another (by timm, when it makes or loads them), and those whose weights belong to the number of
patches, which are enlarged for whole multiples of their size (see `token_mixing`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.sources.preprocessing import image_input
from mobiledeploy.sources.source import Enlargement
from mobiledeploy.sources.token_mixing import Splitting, enlarged, tiles_agree, token_maps
from mobiledeploy.sources.weights.calibration import seeded_pictures
from mobiledeploy.sources.weights.positions import POSITIONAL

if TYPE_CHECKING:
    from mobiledeploy.sources.architecture import Architecture
    from mobiledeploy.sources.weights.pretrained import PretrainedFile

__all__ = ["at_resolution"]

# What making a model for a size that it is not made for raises.
UNSUITABLE = (TypeError, ValueError, AssertionError, RuntimeError)


def at_resolution(
    architecture: Architecture, resolution: tuple[int, int] | None, file: PretrainedFile | None
) -> tuple[nn.Module, Enlargement | None]:
    """The model with the weights of `file`, or without, at (height, width) or at its own size; and, where it is made
    at its own size for now, how it is enlarged with its weights in it.

    Raises InputError where it does not take that resolution.
    """
    if resolution is None or resolution == architecture.trained:
        return architecture.create(file, None), None
    plain = architecture.create(None, None)
    # timm's flag is not always right, in either direction
    if not architecture.cfg.get("fixed_input_size") and _reason_against(plain, architecture, resolution) is None:
        return architecture.create(file, None) if file else plain, None
    try:
        module = architecture.create(None, resolution)
    except UNSUITABLE as error:
        if _reason_against(plain, architecture, resolution) is None:
            return architecture.create(file, None) if file else plain, None
        raise _refused(architecture, resolution, f"It takes {_text(architecture.trained)}.") from error
    if _tokens_are_weights(plain, module):
        return architecture.create(file, None) if file else plain, _enlargement(architecture, resolution)
    _refuse_rest(module, architecture, resolution)
    reason = _reason_against(module, architecture, resolution)
    if reason is not None:
        raise _refused(architecture, resolution, f"{reason}. It takes {_text(architecture.trained)}.")
    return _resampled(architecture, resolution, file) if file else module, None


def _resampled(architecture: Architecture, resolution: tuple[int, int], file: PretrainedFile) -> nn.Module:
    try:
        return architecture.create(file, resolution)
    except UNSUITABLE as error:
        reason = f"Its pretrained weights cannot be resampled ({_one_line(error)})."
        raise _refused(architecture, resolution, f"{reason} It takes {_text(architecture.trained)}.") from error


def _reason_against(module: nn.Module, architecture: Architecture, resolution: tuple[int, int]) -> str | None:
    """What the model says to a picture of (height, width) that it does not take; None where it takes it."""
    channels = int((architecture.cfg.get("input_size") or (3,))[0])
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(1, channels, *resolution))
    # the model is anybody's code
    except Exception as error:
        return _one_line(error)
    return None


def _enlargement(architecture: Architecture, resolution: tuple[int, int]) -> Enlargement:
    """Raises InputError where the size is no whole multiple of the trained one."""
    trained = architecture.trained
    if any(size % unit for size, unit in zip(resolution, trained, strict=True)):
        sizes = ", ".join(_text((trained[0] * factor, trained[1] * factor)) for factor in (1, 2, 3))
        belongs = "Its weights belong to the number of patches, so it takes whole multiples of its own size"
        raise _refused(architecture, resolution, f"{belongs}: {sizes} and so on.")
    times = resolution[0] // trained[0], resolution[1] // trained[1]

    def apply(module: nn.Module) -> nn.Module:
        resized = architecture.create(None, resolution)
        try:
            larger = enlarged(module, resized, Splitting(_grid(module, resized, trained), times))
            picture = torch.from_numpy(seeded_pictures(0, (1, int(architecture.cfg["input_size"][0]), *trained)))
            agrees = tiles_agree(module, larger, picture, times)
        except UNSUITABLE as error:
            raise _refused(architecture, resolution, f"{_one_line(error)}. It takes {_text(trained)}.") from error
        if not agrees:
            raise _refused(architecture, resolution, f"It is more than maps over tokens. It takes {_text(trained)}.")
        return larger

    return Enlargement(inputs=(image_input(architecture.cfg, None),), apply=apply)


def _grid(trained: nn.Module, resized: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the tokens that the trained model's maps take, patches being square."""
    maps = token_maps(trained, resized)
    owner = next(name for name, sides in maps.items() if any(sides))
    old = trained.get_submodule(owner)
    assert isinstance(old, nn.Linear)
    tokens = old.in_features if maps[owner][1] else old.out_features
    rows = math.isqrt(tokens * size[0] // size[1])
    return rows, tokens // rows


def _refused(architecture: Architecture, resolution: tuple[int, int], taken: str) -> InputError:
    return InputError(
        f"{architecture.name} does not take {_text(resolution)}",
        where="--resolution",
        remedy=f"{taken} Leave --resolution out.",
    )


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(".") or type(error).__name__


def _refuse_rest(module: nn.Module, architecture: Architecture, resolution: tuple[int, int]) -> None:
    """Raises InputError where the picture is cut into patches and a rest would silently be cut off."""
    size = getattr(getattr(module, "patch_embed", module), "patch_size", 1)
    patch = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if resolution[0] % patch[0] or resolution[1] % patch[1]:
        raise _refused(architecture, resolution, f"It takes multiples of {_text(patch)}.")


def _tokens_are_weights(trained: nn.Module, resized: nn.Module) -> bool:
    shapes = {key: value.shape for key, value in trained.named_parameters()}
    changed = [key for key, value in resized.named_parameters() if shapes.get(key) != value.shape]
    return any(not POSITIONAL.search(key) for key in changed)
