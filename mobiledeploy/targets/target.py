"""What every target is: a function from a rewritten program to one artifact file or folder."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import FlexibleSizes

__all__ = ["ALL_ROUNDED", "ConversionOptions", "EveryName", "Mixture", "Target", "public_version"]


class EveryName:
    """Contains every name. `asked`: those that somebody asked for."""

    def __init__(self) -> None:
        self.asked: set[object] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(name)
        return True


@dataclass(frozen=True)
class Mixture:
    """Which operators of a float16 program stay in float32: `kept`, by the names of their first values in the program
    that keeps all of them; `rounded` are the others. What is in neither was fused into another operator, and is kept
    where all that read it are. `kept` is asked for the name of every operator that there is a choice of."""

    kept: Container[str]
    rounded: Container[str]


ALL_ROUNDED = Mixture(kept=(), rounded=EveryName())


@dataclass(frozen=True)
class ConversionOptions:
    """`precision`: the type activations and weights are held in. `deployment_target`: the oldest iOS, "iOS15".."iOS18".
    `labels`: class names, in the order of the classifier output's last axis, or None. `metadata`: what the artifact
    says of itself (author, license, provenance), keys and values as text. `mixture`: what of a float16 program stays
    in float32 nevertheless; weights beyond float16's range are then the mixture's business, and refused no more."""

    precision: Literal["float16", "float32"] = "float16"
    deployment_target: str = "iOS16"
    labels: tuple[str, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    mixture: Mixture | None = None


class Target(Protocol):
    """A format to convert to. `name` is what `--target` takes, `suffix` what the artifact's name ends in, `runner` the
    name of the parity runner that judges it."""

    name: str
    suffix: str
    runner: str

    def convert(self, program: Program, options: ConversionOptions, destination: Path) -> None:
        """Writes the artifact at `destination` (which does not exist yet). The same program and options give the same
        bytes, whatever the hash seed, the folder or the time.

        Raises TargetError naming the operator and its PyTorch source line, UnsupportedError, or OSError where the file
        system refuses.
        """

    def check_sizes(self) -> None:
        """Raises UnsupportedError where an artifact of this format takes pictures of one size only."""

    def check_mixtures(self) -> None:
        """Raises UnsupportedError where operators cannot be kept in float32 one by one: a `mixture` would be passed
        over."""

    def convert_sizes(
        self, programs: Mapping[tuple[int, int], Program], options: ConversionOptions, destination: Path
    ) -> FlexibleSizes:
        """Writes one artifact that takes pictures of every size of `programs` (height, width), the first one by
        default; they are one model, rewritten for each. The same bytes as for `convert`.

        Raises as `convert` and `check_sizes` do.
        """

    def precision(self, options: ConversionOptions) -> Literal["float16", "float32"]:
        """What the artifact's values are held in when converted with `options`: decides the parity bar."""

    def versions(self) -> Mapping[str, str]:
        """The libraries that shape the bytes: distribution name to version."""


def public_version(version: str) -> str:
    """Without the local label (PEP 440), which names a build: 2.13.0+cu130 and 2.13.0+cpu make the same bytes."""
    return version.partition("+")[0]
