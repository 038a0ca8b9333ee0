"""The largest rank in a package, read from the package itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.program import Block, TensorType, ValueType
from mobiledeploy.mil.reader import parse_model, read_program

__all__ = ["max_rank"]


def max_rank(path: Path) -> int | None:
    """Of any value that an operator of an `.mlpackage` computes; None for a format that declares no ranks (ONNX).

    Core ML takes 5 at most, its Neural Engine 4. Raises PackageError for a damaged package.
    """
    if path.suffix != ".mlpackage":
        return None
    package = open_package(path)
    program = read_program(parse_model(package.read_model(), str(path)).mlProgram, package)
    types = (kind for function in program.functions.values() for kind in _types(function.block))
    shapes = (kind.shape for kind in types if isinstance(kind, TensorType))
    return max((len(shape) for shape in shapes if shape is not None), default=0)


def _types(block: Block) -> Iterator[ValueType]:
    for operation in block.operations:
        if operation.type != "const":
            yield from operation.output_types
        for inner in operation.blocks:
            yield from _types(inner)
