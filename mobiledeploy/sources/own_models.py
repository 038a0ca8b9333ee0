"""The architectures of the zoo that timm lacks, written in this package."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from mobiledeploy.errors import CheckpointError
from mobiledeploy.sources.architecture import Architecture
from mobiledeploy.sources.randomness import seeded
from mobiledeploy.sources.t2t.variants import VARIANTS
from mobiledeploy.sources.weights.checkpoint import read_checkpoint
from mobiledeploy.sources.weights.fitting import load_fitting

if TYPE_CHECKING:
    from torch import nn

    from mobiledeploy.sources.weights.pretrained import PretrainedFile

__all__ = ["own_architecture", "own_names"]


def own_names(pattern: str = "*") -> tuple[str, ...]:
    """The names that match a glob, in no particular order."""
    return tuple(fnmatch.filter(VARIANTS, pattern))


def own_architecture(name: str, seed: int) -> Architecture | None:
    """The architecture called `name`, or None where none of ours is."""
    variant = VARIANTS.get(name)
    if variant is None:
        return None
    from mobiledeploy import __version__

    def create(file: PretrainedFile | None, resolution: tuple[int, int] | None) -> nn.Module:
        with seeded(seed):
            module = variant.create(variant.resolution if resolution is None else resolution)
        return module if file is None else _with_weights(module, name, file, resolution)

    return Architecture(
        name=name,
        title=f"{name} (mobiledeploy {__version__})",
        cfg=variant.cfg(),
        create=create,
        settle=variant.settle,
    )


def _with_weights(module: nn.Module, name: str, file: PretrainedFile, resolution: tuple[int, int] | None) -> nn.Module:
    try:
        return load_fitting(module, read_checkpoint(file.path), file.path.name, picture=resolution)
    except CheckpointError as error:
        raise CheckpointError(
            f"the cached pretrained weights of {name} cannot be loaded: {error.what}",
            where=str(file.path),
            remedy="Delete that file, so that it is fetched again.",
        ) from error
