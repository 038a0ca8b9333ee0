"""From what the user typed to a proven artifact.

resolve ──▶ prepare ──▶ capture ──▶ rewrite ──▶ convert ──▶ check ──▶ exports/NAME/
               └──── reference outputs of the original ──────┘
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobiledeploy.artifact import MANIFEST, PROOF, REFERENCE, write_artifact
from mobiledeploy.errors import ParityError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.pipeline.approximating import check_request
from mobiledeploy.pipeline.capturing import Captured, capture_model
from mobiledeploy.pipeline.diverging import with_divergence
from mobiledeploy.pipeline.provenance import make_manifest, make_proof, package_metadata
from mobiledeploy.pipeline.stages import Stages
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import ExportOptions, Manifest, ParityReport, Proof, codec
from mobiledeploy.rewrite.recipes import recipe
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions, Target

__all__ = ["ExportResult", "export"]


@dataclass(frozen=True)
class ExportResult:
    """`folder`: where the artifact now stands. `seconds`: per stage, wall clock."""

    folder: Path
    manifest: Manifest
    proof: Proof
    seconds: Mapping[str, float]


def export(
    model: str,
    *,
    output: Path,
    options: ExportOptions,
    name: str | None = None,
    images: Path | None = None,
    progress: Progress = SILENT,
    stages: Stages | None = None,
) -> ExportResult:
    """Converts `model` for every target of `options`, proves each equal to the original, and writes `output/NAME`.

    `stages`: in the place of its own, for a caller that wants the seconds of an export that raises, too.

    Raises any MobileDeployError; the folder is then as it was before.
    """
    stages = stages or Stages(progress)
    targets = tuple(target_named(target) for target in dict.fromkeys(options.targets))
    rules = recipe(options.skip)
    check_request(options)
    labels = None if options.labels is None else read_labels(options.labels)
    captured = capture_model(model, options=options, rules=rules, labels=labels, images=images, stages=stages)
    conversion = ConversionOptions(
        precision=options.precision,
        deployment_target=options.deployment_target,
        labels=labels,
        metadata=package_metadata(captured),
    )
    title = name or captured.source.name
    made: list[tuple[Manifest, Proof]] = []

    def build(folder: Path) -> None:
        reports = tuple(
            _convert(
                target,
                captured,
                conversion=conversion,
                bar_db=options.min_psnr,
                drift_bar_db=options.min_drift_psnr,
                path=folder / f"{title}{target.suffix}",
                stages=stages,
            )
            for target in targets
        )
        with stages("write", "Writing the artifact"):
            references.save(captured.reference, folder / REFERENCE)
            manifest = make_manifest(title, captured, options=options, targets=targets, reports=reports, folder=folder)
            proof = make_proof(captured, reports)
            (folder / MANIFEST).write_text(codec.dumps(manifest), encoding="utf-8")
            (folder / PROOF).write_text(codec.dumps(proof), encoding="utf-8")
            made.append((manifest, proof))

    folder = write_artifact(output, title, build)
    return ExportResult(folder, *made[0], stages.seconds)


def _convert(
    target: Target,
    captured: Captured,
    *,
    conversion: ConversionOptions,
    bar_db: float | None,
    drift_bar_db: float | None,
    path: Path,
    stages: Stages,
) -> ParityReport:
    with stages(f"convert {target.name}", f"Converting for {target.name}"):
        target.convert(captured.rewritten.program, conversion, path)
    with stages(f"check {target.name}", f"Executing the {target.name} program and comparing"):
        report = check_parity(
            path,
            captured.reference,
            captured.inputs,
            runner=target.runner,
            precision=target.precision(conversion),
            bar_db=bar_db,
            drift_bar_db=drift_bar_db,
        )
        if not report.passed:
            raise _parity_error(with_divergence(report, path, captured.reference, captured.rewritten.program))
    return report


def _parity_error(report: ParityReport) -> ParityError:
    failed = next(output for output in (*report.outputs, *report.drift) if not output.passed)
    reason = failed.reason or f"PSNR {report.psnr_db:.1f} dB"
    found = report.divergence
    where = f"{report.artifact}, output `{failed.output}` on {failed.input}"
    if found is not None:
        line = f", {found.line}" if found.line else ""
        where += f"; first at {found.operator} `{found.output}` ({found.psnr_db:.1f} dB{line})"
    return ParityError(
        f"the converted model does not equal the original: {reason}",
        where=where,
        remedy="--precision float32 tells whether fp16's range or rounding is the cause. Nothing was written.",
        psnr_db=report.psnr_db,
    )
