"""timm's architectures, by name, with or without the tag of a set of weights: `fastvit_t8`, `fastvit_t8.apple_in1k`."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from mobiledeploy.errors import CheckpointError, HostError, InputError
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.preprocessing import image_input
from mobiledeploy.sources.randomness import seeded
from mobiledeploy.sources.source import Absence, Draft, Request
from mobiledeploy.sources.timm_library import timm
from mobiledeploy.sources.weights.pretrained import PretrainedFile, find_pretrained
from mobiledeploy.sources.zoo_names import known_name

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ZooSource"]

# Parameters that only say where a token stands: timm resamples them, so another resolution keeps the weights.
POSITIONAL = re.compile(r"pos|relative|rel_|attention_bias|rope")


class ZooSource:
    """Any name that timm has."""

    kind: Literal["zoo"] = "zoo"
    form = "a name of the zoo (`mobiledeploy models PATTERN` lists them)"

    def claims(self, identifier: str) -> bool:  # noqa: ARG002
        return True

    def build(self, request: Request) -> Draft:
        name = known_name(request.identifier, request.progress)
        registered = timm().get_pretrained_cfg(name)
        cfg = registered.to_dict() if registered else {}
        file, absence = _pretrained(name, cfg, request)
        module = _created(name, cfg, request, file)
        return Draft(
            module=module,
            inputs=(image_input(cfg, request.resolution),),
            identifier=request.identifier,
            name=file_safe(request.identifier),
            architecture=f"{name} (timm {timm().__version__})",
            carries="pretrained" if file else "nothing",
            origin=file.origin if file else None,
            absence=absence,
            license=cfg.get("license"),
        )


def _pretrained(name: str, cfg: dict[str, Any], request: Request) -> tuple[PretrainedFile | None, Absence | None]:
    """The file of pretrained weights where they are wanted; with `auto`, else why there are none."""
    if request.weights not in ("auto", "pretrained"):
        return None, None
    try:
        return find_pretrained(name, cfg), None
    except (InputError, HostError) as error:
        if request.weights == "pretrained":
            raise
        place = cfg.get("hf_hub_id") or cfg.get("url")
        fetched = f"{place} is not in the local cache and could not be fetched"
        return None, Absence(fetched if isinstance(error, HostError) else error.what, error.what)


def _created(name: str, cfg: dict[str, Any], request: Request, file: PretrainedFile | None) -> nn.Module:
    """The model, at the resolution asked for. Raises InputError where it does not take that one."""
    trained = tuple(int(size) for size in (cfg.get("input_size") or (3, 224, 224))[-2:])
    if request.resolution is None or request.resolution == trained or not cfg.get("fixed_input_size"):
        return _create(name, request.seed, file)
    height, width = request.resolution
    taken = f"It takes {trained[0]}x{trained[1]}."
    try:
        module = _create(name, request.seed, None, img_size=request.resolution)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise _refused(name, request.resolution, taken) from error
    rows, columns = _patch_size(module)
    if height % rows or width % columns:
        raise _refused(name, request.resolution, f"It takes multiples of {rows}x{columns}.")
    if _tokens_are_weights(_create(name, request.seed, None), module):
        raise _refused(name, request.resolution, f"Its weights belong to the number of patches. {taken}")
    return _create(name, request.seed, file, img_size=request.resolution) if file else module


def _refused(name: str, resolution: tuple[int, int] | None, taken: str) -> InputError:
    height, width = resolution or (0, 0)
    return InputError(
        f"{name} does not take {height}x{width}", where="--resolution", remedy=f"{taken} Leave --resolution out."
    )


def _patch_size(module: nn.Module) -> tuple[int, int]:
    """The size of the patches that a picture is cut into; a rest would silently be cut off."""
    size = getattr(getattr(module, "patch_embed", None), "patch_size", 1)
    rows, columns = (size, size) if isinstance(size, int) else size
    return int(rows), int(columns)


def _tokens_are_weights(trained: nn.Module, resized: nn.Module) -> bool:
    shapes = {key: value.shape for key, value in trained.named_parameters()}
    changed = [key for key, value in resized.named_parameters() if shapes.get(key) != value.shape]
    return any(not POSITIONAL.search(key) for key in changed)


def _create(name: str, seed: int, file: PretrainedFile | None, **arguments: object) -> nn.Module:
    with seeded(seed), _quiet():
        if file is None:
            module: nn.Module = timm().create_model(name, **arguments)
            return module
        # timm reads the file, and renames, resamples and strips as this set of weights needs it
        overlay = {"file": str(file.path), "custom_load": file.custom_load}
        try:
            pretrained: nn.Module = timm().create_model(
                name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
            )
        # safetensors, pickle, zip and torch each have their own errors for a damaged file
        except Exception as error:
            raise CheckpointError(
                f"the cached pretrained weights of {name} cannot be loaded: {' '.join(str(error).split())[:200]}",
                where=str(file.path),
                remedy="Delete that file, so that it is fetched again.",
            ) from error
        return pretrained


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Creating some models makes torch complain about timm's own code, which nobody here can change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"timm\.")
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.functional", message=r"torch\.meshgrid")
        yield
