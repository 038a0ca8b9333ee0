"""`mobiledeploy export`: a PyTorch model in, packages out, proven equal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mobiledeploy.cli import options
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.cli.parity_table import parity_table
from mobiledeploy.records import ExportOptions
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.pipeline import ExportResult

__all__ = ["export"]


def export(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A zoo name (see `mobiledeploy models`), package.module:factory, file.py:factory, or a .pt2.",
        ),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="coreml|onnx", help="Format to export to; repeatable (coreml by default)."),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the model's folder is made.")] = Path("exports"),
    weights: Annotated[
        str, typer.Option(metavar="auto|pretrained|random|FILE", help="auto: pretrained if reachable, else random.")
    ] = "auto",
    resolution: Annotated[str | None, typer.Option(metavar="N|HxW", help="Input size in pixels.")] = None,
    precision: Annotated[
        str, typer.Option(metavar="float16|float32", help="Type of activations and weights.")
    ] = "float16",
    deployment_target: Annotated[
        str, typer.Option(metavar="|".join(options.DEPLOYMENT_TARGETS), help="Oldest iOS the package must load on.")
    ] = "iOS16",
    input_type: Annotated[
        str | None,
        typer.Option(
            metavar="image|tensor",
            help="image: takes pictures, normalizes inside; default where the source knows how.",
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="imagenet|FILE", help="Class names; FILE: one per line.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Rewrite rule to leave out; repeat for several.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures to prove equality on, instead of the built-in ones.")
    ] = None,
    min_psnr: Annotated[
        float | None, typer.Option(metavar="DB", help="Least PSNR of every output (40 in float16, 90 in float32).")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the folder and of the packages in it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of random weights and of seeded inputs.")] = 0,
    _json: JsonFlag = False,
) -> None:
    """Convert MODEL for the phone, prove it equal to the original, and write it to DIR/NAME."""
    wanted = ExportOptions(
        targets=tuple(target or ["coreml"]),
        weights=weights,
        resolution=options.resolution(resolution),
        precision=options.precision(precision),
        deployment_target=options.deployment_target(deployment_target),
        input_type=options.input_type(input_type),
        labels=labels,
        skip=tuple(skip or ()),
        min_psnr=min_psnr,
        seed=seed,
    )
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("load libraries")
        from mobiledeploy import pipeline

        result = pipeline.export(model, output=output, options=wanted, name=name, images=images, progress=progress)
    screen.show(*_tables(result), document=_document(result))


def _document(result: "ExportResult") -> dict[str, Any]:
    return {"folder": str(result.folder), "seconds": dict(result.seconds), "manifest": encode(result.manifest)}


def _tables(result: "ExportResult") -> "tuple[RenderableType, ...]":
    rewrite = result.manifest.rewrite
    costs = Table("", "operators", "MACs", title=f"{result.manifest.name}: {result.manifest.source.architecture}")
    costs.add_row("as captured", str(rewrite.before.operators), f"{rewrite.before.macs:,}")
    costs.add_row("rewritten", str(rewrite.after.operators), f"{rewrite.after.macs:,}")
    seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in result.seconds.items())
    return costs, parity_table(result.manifest.parity), f"{result.folder}  ({seconds})"
