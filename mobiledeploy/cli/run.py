"""`mobiledeploy run`: execute a package here, on what it is given."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from rich.markup import escape
from rich.table import Table

from mobiledeploy.cli.options import JsonFlag, choice
from mobiledeploy.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.pipeline import OutputSummary, RunResult

__all__ = ["run"]

_PRECISIONS = ("declared", "float32")
_BACKENDS = ("torch", "onnxruntime")

_Images = Annotated[
    list[str] | None,
    typer.Option(metavar="[NAME=]FILE", help="A picture; resized and cropped as the input needs it. Repeatable."),
]
_Arrays = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=FILE.npy", help="An array for the input of that name. Repeatable."),
]
_Archive = Annotated[Path | None, typer.Option(metavar="FILE.npz", help="Arrays under the names of the inputs.")]


def run(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    package: Annotated[
        Path,
        typer.Argument(metavar="PACKAGE", help="An exported folder, a package inside of it, or anybody's .mlpackage."),
    ],
    image: _Images = None,
    array: _Arrays = None,
    inputs: _Archive = None,
    random: Annotated[bool, typer.Option("--random", help="Seeded numbers for every input that is not given.")] = False,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the random numbers.")] = 0,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which function of a package of several.")
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="declared|float32", help="float32 leaves the rounding to fp16 out.")
    ] = "declared",
    backend: Annotated[
        str, typer.Option(metavar="torch|onnxruntime", help="onnxruntime is faster, after seconds of lowering.")
    ] = "torch",
    repeat: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many predictions; a model with a state keeps it between them.")
    ] = 1,
    output: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="Save all outputs, too.")] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to name.")] = 5,
    _json: JsonFlag = False,
) -> None:
    """Execute PACKAGE here; name the likeliest classes and what its outputs hold."""
    screen: Screen = context.obj
    chosen = cast("Literal['declared', 'float32']", choice(precision, _PRECISIONS, "--precision", "precision"))
    executes = cast("Literal['torch', 'onnxruntime']", choice(backend, _BACKENDS, "--backend", "backend"))
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline

        given = pipeline.GivenInputs(
            images=tuple(_image(text) for text in image or ()),
            arrays=tuple(_named(text) for text in array or ()),
            archive=inputs,
            random=random,
            seed=seed,
        )
        result = pipeline.run(
            package,
            given,
            function=function,
            precision=chosen,
            backend=executes,
            repeat=repeat,
            output=output,
            top=top,
            progress=progress,
        )
    screen.show(*_tables(result), document=_document(result))


def _image(text: str) -> tuple[str | None, Path]:
    """`FILE`, which may have a `=` in its name, or `NAME=FILE`."""
    name, equals, path = text.partition("=")
    return (name, Path(path)) if equals and name and path and not Path(text).exists() else (None, Path(text))


def _named(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise InputError(f"`{text}` names no input", where="--input", remedy="Write NAME=FILE.npy.")
    return name, Path(path)


def _document(result: "RunResult") -> dict[str, Any]:
    return {
        "outputs": {name: _entry(output) for name, output in result.outputs.items()},
        "top": [{"label": label, "score": _number(score)} for label, score in result.top],
        "seconds": result.seconds,
        "times": list(result.times),
    }


def _entry(output: "OutputSummary") -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": output.kind, "shape": list(output.shape), "dtype": output.dtype}
    if output.value is not None:
        return entry | {"value": output.value}
    figures = {"min": output.minimum, "max": output.maximum, "mean": output.mean}
    return entry | figures | {"nan": output.nans, "infinite": output.infinities}


def _number(value: float) -> float | None:
    # JSON knows no NaN
    return value if math.isfinite(value) else None


def _tables(result: "RunResult") -> "tuple[RenderableType, ...]":
    values = [f"{name}: {output.value}" for name, output in result.outputs.items() if output.value is not None]
    figures = {name: output for name, output in result.outputs.items() if output.value is None}
    tables = (_figure_table(figures),) if figures else ()
    return *_class_table(result), *tables, *map(escape, values), _timing(result)


def _figure_table(outputs: "dict[str, OutputSummary]") -> Table:
    broken = any(output.nans or output.infinities for output in outputs.values())
    table = Table("output", "shape", "type", "min", "max", "mean", *(("NaN", "infinite") if broken else ()))
    for name, output in outputs.items():
        shape = "x".join(map(str, output.shape))
        kind = output.dtype if output.kind == "array" else output.kind
        numbers = [_figure(value) for value in (output.minimum, output.maximum, output.mean)]
        counts = (str(output.nans), str(output.infinities)) if broken else ()
        table.add_row(escape(name), shape, kind, *numbers, *counts)
    return table


def _class_table(result: "RunResult") -> "tuple[RenderableType, ...]":
    if not result.top:
        return ()
    table = Table("class", "score")
    for label, score in result.top:
        table.add_row(escape(label), f"{score:.4f}")
    return (table,)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _timing(result: "RunResult") -> str:
    if len(result.times) == 1:
        return f"one prediction: {result.seconds:.3f} s"
    first, count = result.times[0], len(result.times)
    return f"{count} predictions: median {result.seconds:.3f} s, the first {first:.3f} s"
