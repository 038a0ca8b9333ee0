"""`mobiledeploy run`: execute a package here, on one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mobiledeploy.cli.options import JsonFlag

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.pipeline import RunResult

__all__ = ["run"]


def run(
    context: typer.Context,
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="An exported folder, or a package inside of it.")],
    image: Annotated[Path, typer.Option(metavar="FILE", help="The picture to feed it.")],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to name.")] = 5,
    _json: JsonFlag = False,
) -> None:
    """Execute PACKAGE on a picture and name the likeliest classes."""
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline

        result = pipeline.run(package, image=image, top=top, progress=progress)
    screen.show(*_tables(result), document=_document(result))


def _document(result: "RunResult") -> dict[str, Any]:
    return {
        "outputs": {name: list(shape) for name, shape in result.outputs.items()},
        "top": [{"label": label, "score": score} for label, score in result.top],
        "seconds": result.seconds,
    }


def _tables(result: "RunResult") -> "tuple[RenderableType, ...]":
    outputs = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in result.outputs.items())
    line = f"{outputs}  ({result.seconds:.2f} s)"
    if not result.top:
        return (line,)
    table = Table("class", "score")
    for label, score in result.top:
        table.add_row(escape(label), f"{score:.4f}")
    return table, line
