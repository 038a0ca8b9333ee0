"""`mobiledeploy diagnose`: where a package leaves its original, and what float16 has to do with it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobiledeploy.cli import export
from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import ParityError
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.records import Diagnosis

__all__ = ["diagnose"]

_SUBJECT = "An exported folder or a package in it, any other .mlpackage, or a MODEL as `mobiledeploy export` takes it."

Subject = Annotated[str, typer.Argument(metavar="ARTIFACT|MODEL", help=_SUBJECT)]
Top = Annotated[int, typer.Option(metavar="N", help="How many operators each table shows.", min=1)]


def diagnose(  # noqa: PLR0917 - a parameter per option
    context: typer.Context,
    subject: Subject,
    top: Top = 10,
    images: export.Images = None,
    weights: export.Weights = "auto",
    resolution: export.Resolution = None,
    precision: export.Precision = "float16",
    deployment_target: export.DeploymentTarget = "iOS16",
    input_type: export.InputType = None,
    labels: export.Labels = None,
    skip: export.Skip = None,
    substitute: export.Substitute = None,
    output_names: export.OutputNames = None,
    min_psnr: export.MinPsnr = None,
    seed: export.Seed = 0,
    _json: JsonFlag = False,
) -> None:
    """Hold ARTIFACT, or what MODEL would be exported to, against the original, operator by operator.

    The first operators to diverge with their source lines, the ranges of their values against float16's, what each
    rounding costs, and the fewest operators to keep in float32. Of the options below an artifact takes --images,
    --weights and --min-psnr; the others are those of `export`, for a MODEL.
    """
    wanted = export.export_options(
        target=None,
        weights=weights,
        resolution=resolution,
        precision=precision,
        deployment_target=deployment_target,
        input_type=input_type,
        labels=labels,
        skip=skip,
        substitute=substitute,
        flexible=None,
        output_names=output_names,
        min_psnr=min_psnr,
        min_drift_psnr=None,
        seed=seed,
    )
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy import pipeline
        from mobiledeploy.report.diagnosis_tables import diagnosis_tables

        found = pipeline.diagnose(subject, options=wanted, images=images, progress=progress)
    screen.show(*diagnosis_tables(found, top), document=_document(found))
    _demand_parity(found)


def _document(found: "Diagnosis") -> dict[str, Any]:
    return {"diagnosis": encode(found)}


def _demand_parity(found: "Diagnosis") -> None:
    if found.parity.passed:
        return
    reasons = [output.reason for output in found.parity.outputs if output.reason]
    against = "the original" if found.original else "itself in float32"
    raise ParityError(
        f"it does not equal {against}: {reasons[0] if reasons else f'PSNR {found.parity.psnr_db:.1f} dB'}",
        where=f"{found.parity.artifact} under {found.parity.runner}",
        remedy=found.advice,
        psnr_db=found.parity.psnr_db,
    )
