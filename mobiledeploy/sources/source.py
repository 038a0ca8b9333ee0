"""What flows through this package, and what every kind of source is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from mobiledeploy.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

    from mobiledeploy.records import InputSpec, SourceRecord

__all__ = ["Absence", "Draft", "Enlargement", "ModelSource", "Request", "Source"]


@dataclass(frozen=True)
class Request:
    """What the user asked for. `weights`: auto, pretrained, random, or the path of a checkpoint. `resolution`:
    (height, width) of the picture, or None for the model's own. `seed`: of random weights."""

    identifier: str
    weights: str = "auto"
    resolution: tuple[int, int] | None = None
    seed: int = 0
    progress: Progress = SILENT


@dataclass(frozen=True)
class Absence:
    """Why pretrained weights could not be had. `recorded`: the same words on every machine, for they end in the
    manifest. `said`: what happened here, for the person in front of the screen."""

    recorded: str
    said: str


@dataclass(frozen=True)
class Draft:
    """A model as its source made it, before the weights that were asked for are in.

    `identifier`, `name`, `architecture`, `license`: as in `SourceRecord`. `carries`: pretrained weights from the hub,
    the model's own, or none worth keeping. `origin`: of pretrained weights. `absence`: why there are none. `settle`:
    what random weights still need, in place. `enlargement`: what the model goes through with its weights in it.
    """

    module: nn.Module
    inputs: tuple[InputSpec, ...]
    identifier: str
    name: str
    architecture: str
    carries: Literal["pretrained", "own", "nothing"]
    origin: str | None = None
    absence: Absence | None = None
    license: str | None = None
    settle: Callable[[nn.Module], None] | None = None
    enlargement: Enlargement | None = None


@dataclass(frozen=True)
class Enlargement:
    """A model is made and weighted for the pictures of its training, `inputs`; `apply` then makes the model for the
    pictures asked for out of it."""

    inputs: tuple[InputSpec, ...]
    apply: Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class ModelSource:
    """A model ready to be captured. `module`: in eval mode, on the CPU, in float32, without gradients; it takes the
    tensors of `inputs` by position."""

    module: nn.Module
    record: SourceRecord
    inputs: tuple[InputSpec, ...]


class Source(Protocol):
    """A place where models come from. `form`: how MODEL is written for it, shown where no source knows a name."""

    @property
    def kind(self) -> Literal["zoo", "factory", "pt2", "torchvision", "features"]: ...

    @property
    def form(self) -> str: ...

    def claims(self, identifier: str) -> bool:
        """Whether MODEL is written in this source's form; the first of the table that says so gets it."""

    def build(self, request: Request) -> Draft:
        """The model. Raises InputError or one of its kinds where the user's request cannot be met, HostError where
        strictly pretrained weights were asked for and the hub does not answer."""
