"""The architectures that timm has."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mobiledeploy.errors import CheckpointError
from mobiledeploy.sources.architecture import Architecture
from mobiledeploy.sources.randomness import seeded
from mobiledeploy.sources.timm_library import timm
from mobiledeploy.sources.weights.fitting import resampled

if TYPE_CHECKING:
    from torch import nn

    from mobiledeploy.sources.weights.pretrained import PretrainedFile

__all__ = ["quiet", "timm_architecture"]


def timm_architecture(name: str, seed: int) -> Architecture:
    """timm's `name`, which it knows, with or without the tag of a set of weights."""
    registered = timm().get_pretrained_cfg(name)

    def create(file: PretrainedFile | None, resolution: tuple[int, int] | None) -> nn.Module:
        arguments = {} if resolution is None else {"img_size": resolution}
        with seeded(seed), quiet():
            if file is not None and resolution is None:
                return _with_weights(name, file)
            module: nn.Module = timm().create_model(name, **arguments)
            if file is None or resolution is None:
                return module
            # not every architecture of timm resamples its own position embeddings
            return resampled(module, _with_weights(name, file), file.path.name, resolution)

    return Architecture(
        name=name,
        title=f"{name} (timm {timm().__version__})",
        cfg=registered.to_dict() if registered else {},
        create=create,
    )


def _with_weights(name: str, file: PretrainedFile) -> nn.Module:
    """timm reads the file, and renames and strips as this set of weights needs it."""
    overlay = {"file": str(file.path), "custom_load": file.custom_load}
    try:
        module: nn.Module = timm().create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    # safetensors, pickle, zip and torch each have their own errors for a damaged file
    except Exception as error:
        raise CheckpointError(
            f"the cached pretrained weights of {name} cannot be loaded: {' '.join(str(error).split())[:200]}",
            where=str(file.path),
            remedy="Delete that file, so that it is fetched again.",
        ) from error
    return module


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Creating some models makes torch complain about timm's own code, which nobody here can change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"timm\.")
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.functional", message=r"torch\.meshgrid")
        yield
