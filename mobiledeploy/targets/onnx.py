"""The ONNX target: one self-contained file, through torch.onnx."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobiledeploy.targets.target import ConversionOptions, public_version

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

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

    def precision(self, options: ConversionOptions) -> Literal["float16", "float32"]:
        return options.precision

    def versions(self) -> Mapping[str, str]:
        return {name: public_version(version(name)) for name in ("onnx", "onnxruntime", "onnxscript", "torch")}
