"""The ONNX target: one self-contained file, through torch.onnx."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.targets.target import ConversionOptions, public_version

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import FlexibleSizes

__all__ = ["ONNXTarget"]


class ONNXTarget:
    """Program to `.onnx`, opset 20, weights inside; float32 arrays in and out."""

    name = "onnx"
    suffix = ".onnx"
    runner = "onnxruntime"

    def convert(self, program: Program, options: ConversionOptions, destination: Path) -> None:
        # torch.onnx and onnxscript take 0.3 s to import, and are not needed to list the targets.
        from mobiledeploy.targets.onnx_conversion import convert

        convert(program, options, destination)

    def check_sizes(self) -> None:
        """Refused: only the programs of Core ML are made one here."""
        raise _one_size_only()

    def check_mixtures(self) -> None:
        """Refused: what overflows is found by executing Core ML's program, whose operators are others."""
        raise UnsupportedError(
            "mixed precision is found for Core ML programs only",
            where="--precision mixed with --target onnx",
            remedy="Export ONNX by itself with --precision float32.",
        )

    def convert_sizes(
        self,
        programs: Mapping[tuple[int, int], Program],  # noqa: ARG002
        options: ConversionOptions,  # noqa: ARG002
        destination: Path,  # noqa: ARG002
    ) -> FlexibleSizes:
        """Refused, as `check_sizes` says."""
        raise _one_size_only()

    def precision(self, options: ConversionOptions) -> Literal["float16", "float32"]:
        return options.precision

    def versions(self) -> Mapping[str, str]:
        return {name: public_version(version(name)) for name in ("onnx", "onnxruntime", "onnxscript", "torch")}


def _one_size_only() -> UnsupportedError:
    return UnsupportedError(
        "one ONNX file cannot take several sizes here",
        where="--flexible with --target onnx",
        remedy="Export once for each size with --resolution, or leave --target onnx out.",
    )
