"""The Core ML target: an ML Program package, through coremltools 9."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobiledeploy.targets.target import ConversionOptions, public_version

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import FlexibleSizes

__all__ = ["CoreMLTarget"]


class CoreMLTarget:
    """Program to `.mlpackage`: image inputs as pictures, float32 arrays in and out, labels as a Core ML classifier."""

    name = "coreml"
    suffix = ".mlpackage"
    runner = "mil"

    def convert(self, program: Program, options: ConversionOptions, destination: Path) -> None:
        # coremltools takes 0.8 s to import, and is not needed to list the targets.
        from mobiledeploy.targets.coreml_conversion import convert

        convert(program, options, destination)

    def check_sizes(self) -> None:
        """Any sizes."""

    def check_mixtures(self) -> None:
        """Any mixture."""

    def convert_sizes(
        self, programs: Mapping[tuple[int, int], Program], options: ConversionOptions, destination: Path
    ) -> FlexibleSizes:
        """One function of enumerated sizes where the programs differ in sizes only, else one function for each."""
        from mobiledeploy.targets.coreml_flexible import convert_sizes

        return convert_sizes(programs, options, destination)

    def precision(self, options: ConversionOptions) -> Literal["float16", "float32"]:
        return options.precision

    def versions(self) -> Mapping[str, str]:
        return {name: public_version(version(name)) for name in ("coremltools", "torch")}
