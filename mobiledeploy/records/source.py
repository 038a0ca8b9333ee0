"""Where a model came from, what weights it carries, and what it wants to be fed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["InputSpec", "Preprocessing", "SourceRecord", "WeightsRecord"]


@dataclass(frozen=True)
class Preprocessing:
    """How the source's own training code turns a photograph into a tensor: `(pixel / 255 - mean) / std`.

    `mean`, `std`: one number per channel, in the order of `color`, for pixels scaled to 0..1.
    `crop`: the centre crop's share of the resized picture. `interpolation`: bilinear, bicubic or lanczos.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    color: Literal["RGB", "BGR", "GRAYSCALE"] = "RGB"
    interpolation: str = "bilinear"
    crop: float = 1.0


@dataclass(frozen=True)
class InputSpec:
    """One input. `shape` is (N, C, H, W) for pictures; `preprocessing` is None where the source does not know any.

    `kind="image"`: the exported program takes pixels 0..255 in the channel order of `preprocessing.color` and
    normalizes them itself. `kind="tensor"`: it takes what the PyTorch model takes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    kind: Literal["image", "tensor"] = "tensor"
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True)
class WeightsRecord:
    """`kind`: pretrained (hub or its cache), random (seeded), file (a checkpoint), own (of a factory or .pt2).

    `origin`: hub identifier or file name, never a path of this machine. `sha256`: over the names, dtypes, shapes and
    bytes of the state dict, sorted by name. `fallback`: why `auto` went on with random weights.
    """

    kind: Literal["pretrained", "random", "file", "own"]
    sha256: str
    origin: str | None = None
    seed: int | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class SourceRecord:
    """`kind`: zoo, factory, pt2, torchvision, or features (the feature maps of a model of the zoo). `identifier`: what
    the user typed, without folders of this machine.

    `name`: the artifact's name. `architecture`: for people, e.g. "fastvit_t8 (timm 1.0.31)". `parameters`: their number
    in the training form.
    """

    kind: Literal["zoo", "factory", "pt2", "torchvision", "features"]
    identifier: str
    name: str
    architecture: str
    parameters: int
    weights: WeightsRecord
    license: str | None = None
