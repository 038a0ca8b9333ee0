"""`mobiledeploy export`: a PyTorch model in, packages out, proven equal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from mobiledeploy.cli import options
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.records import ExportOptions
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.pipeline import ExportResult

__all__ = ["export", "export_options"]


def _option(metavar: str, text: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, **more)


_MODEL = "A zoo name (see `mobiledeploy models`), package.module:factory, file.py:factory, or a .pt2."
_PRECISION = "Type of activations and weights; mixed: float16 but for the operators that parity needs in float32."
_SUBSTITUTE = "Activation to replace, to see what it costs: hardswish=gelu. Reports tell the drift; repeatable."
_IOS = "|".join(options.DEPLOYMENT_TARGETS)

Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)]
Targets = Annotated[list[str] | None, _option("coreml|onnx", "Format; repeatable (coreml by default).")]
Output = Annotated[Path, _option("DIR", "Where the model's folder is made.")]
Weights = Annotated[str, _option("auto|pretrained|random|FILE", "auto: pretrained if reachable, else random.")]
Resolution = Annotated[str | None, _option("N|HxW", "Input size in pixels.")]
Precision = Annotated[str, _option("float16|float32|mixed", _PRECISION)]
DeploymentTarget = Annotated[str, _option(_IOS, "Oldest iOS the package must load on.")]
InputType = Annotated[str | None, _option("image|tensor", "image: takes pictures; default where their form is known.")]
Labels = Annotated[str | None, _option("imagenet|FILE", "Class names; FILE: one per line.")]
Skip = Annotated[list[str] | None, _option("RULE", "Rewrite rule to leave out; repeatable.")]
Substitute = Annotated[list[str] | None, _option("FROM=TO", _SUBSTITUTE)]
Flexible = Annotated[str | None, _option("N,N,…", "Sizes in pixels (N or HxW) that one package shall take.")]
OutputNames = Annotated[str | None, _option("A,B,…", "Names of the outputs, in order.")]
Images = Annotated[Path | None, _option("DIR", "Pictures to prove equality on, besides the built-in ones.")]
MinPsnr = Annotated[float | None, _option("DB", "Least PSNR of every output (40 in float16, 90 in float32).")]
MinDriftPsnr = Annotated[float | None, _option("DB", "Least PSNR that --substitute leaves against the original.")]
Name = Annotated[str | None, _option("NAME", "Name of the folder and of the packages in it.")]
Seed = Annotated[int, _option("N", "Seed of random weights and of seeded inputs.", min=0)]


def export(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    model: Model,
    target: Targets = None,
    output: Output = Path("exports"),
    weights: Weights = "auto",
    resolution: Resolution = None,
    precision: Precision = "float16",
    deployment_target: DeploymentTarget = "iOS16",
    input_type: InputType = None,
    labels: Labels = None,
    skip: Skip = None,
    substitute: Substitute = None,
    flexible: Flexible = None,
    output_names: OutputNames = None,
    images: Images = None,
    min_psnr: MinPsnr = None,
    min_drift_psnr: MinDriftPsnr = None,
    name: Name = None,
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> None:
    """Convert MODEL for the phone, prove it equal to the original, and write it to DIR/NAME."""
    wanted = export_options(
        target=target,
        weights=weights,
        resolution=resolution,
        precision=precision,
        deployment_target=deployment_target,
        input_type=input_type,
        labels=labels,
        skip=skip,
        substitute=substitute,
        flexible=flexible,
        output_names=output_names,
        min_psnr=min_psnr,
        min_drift_psnr=min_drift_psnr,
        seed=seed,
    )
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline

        result = pipeline.export(model, output=output, options=wanted, name=name, images=images, progress=progress)
        from mobiledeploy.report.tables import export_tables

    screen.show(*export_tables(result.manifest, result.proof), _ending(result), document=_document(result))


def export_options(
    *,
    target: Sequence[str] | None,
    weights: str,
    resolution: str | None,
    precision: str,
    deployment_target: str,
    input_type: str | None,
    labels: str | None,
    skip: Sequence[str] | None,
    substitute: Sequence[str] | None,
    flexible: str | None,
    output_names: str | None,
    min_psnr: float | None,
    min_drift_psnr: float | None,
    seed: int,
) -> ExportOptions:
    """The options as they were typed, as the pipeline takes them. Raises InputError naming the wrong one."""
    return ExportOptions(
        targets=tuple(target or ["coreml"]),
        weights=weights,
        resolution=options.resolution(resolution),
        precision=options.precision(precision),
        deployment_target=options.deployment_target(deployment_target),
        input_type=options.input_type(input_type),
        labels=labels,
        skip=tuple(skip or ()),
        substitute=tuple(substitute or ()),
        flexible=options.sizes(flexible),
        output_names=options.names(output_names),
        min_psnr=min_psnr,
        min_drift_psnr=min_drift_psnr,
        seed=seed,
    )


def _document(result: "ExportResult") -> dict[str, Any]:
    return {
        "folder": str(result.folder),
        "seconds": dict(result.seconds),
        "manifest": encode(result.manifest),
        "proof": encode(result.proof),
    }


def _ending(result: "ExportResult") -> "RenderableType":
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    return Text.assemble((str(result.folder), "bold"), f"  ({stages})")
