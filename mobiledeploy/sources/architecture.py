"""One name of the zoo, whoever wrote the code behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from mobiledeploy.sources.weights.pretrained import PretrainedFile

__all__ = ["Architecture"]


@dataclass(frozen=True)
class Architecture:
    """`title`: with the library it is from, for people. `cfg`: what it takes and where its weights are, as timm's
    `pretrained_cfg` says it.

    `create`: the model with the weights of a file, or without, made for (height, width) in pixels, or for its own
    size. It raises CheckpointError for a file that does not fit; where the model is not made for a size, it raises
    TypeError, ValueError, AssertionError or RuntimeError. `settle`: what random weights still need, in place.
    """

    name: str
    title: str
    cfg: Mapping[str, Any]
    create: Callable[[PretrainedFile | None, tuple[int, int] | None], nn.Module]
    settle: Callable[[nn.Module], None] | None = None

    @property
    def trained(self) -> tuple[int, int]:
        """(height, width) of the pictures it was trained on."""
        _, height, width = self.cfg.get("input_size") or (3, 224, 224)
        return int(height), int(width)
