"""`mobiledeploy convert`: a Core ML package in formats of other worlds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from mobiledeploy.cli.options import JsonFlag, choice
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.pipeline.converting import ConvertedFile

__all__ = ["convert"]

_FORMATS = ("onnx", "pt2")
_PRECISIONS = ("float32", "declared")


def convert(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    package: Annotated[
        Path, typer.Argument(metavar="PACKAGE", help="Anybody's .mlpackage, or an exported folder with one in it.")
    ],
    to: Annotated[list[str], typer.Option(metavar="onnx|pt2", help="The format. Repeatable.")],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file, of a single format (the package's name, here).")
    ] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which function of a package of several.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="float32|declared",
            help="declared keeps every rounding to fp16, as casts; float32 leaves values as they are computed.",
        ),
    ] = "float32",
    _json: JsonFlag = False,
) -> None:
    """Convert the Core ML package PACKAGE to ONNX or to a PyTorch program, and prove that it computes the same."""
    screen: Screen = context.obj
    formats = [choice(name, _FORMATS, "--to", "format") for name in to]
    chosen = cast("Literal['float32', 'declared']", choice(precision, _PRECISIONS, "--precision", "precision"))
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline
        from mobiledeploy.report.tables import converted_tables

        files = pipeline.convert(
            package, formats, output=output, function=function, precision=chosen, progress=progress
        )
    lines = tuple(f"{file.path}  {file.format}, {file.size / 2**20:.1f} MiB" for file in files)
    tables = converted_tables([file.parity for file in files])
    screen.show(*tables, *lines, document={"files": [_document(file) for file in files]})


def _document(file: "ConvertedFile") -> dict[str, Any]:
    return {
        "path": str(file.path),
        "format": file.format,
        "bytes": file.size,
        "sha256": file.sha256,
        "parity": encode(file.parity),
    }
