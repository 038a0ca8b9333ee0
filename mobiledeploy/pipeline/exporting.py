"""From what the user typed to a proven artifact.

resolve ──▶ prepare ──▶ capture ──▶ rewrite ──▶ convert ──▶ check ──▶ exports/NAME/
               └──── reference outputs of the original ──────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mobiledeploy.artifact import MANIFEST, PROOF, REFERENCE, write_artifact
from mobiledeploy.errors import ParityError, RankError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.pipeline.approximating import check_request
from mobiledeploy.pipeline.capturing import Captured, capture_model
from mobiledeploy.pipeline.diverging import with_divergence
from mobiledeploy.pipeline.flexible import Size, capture_sizes
from mobiledeploy.pipeline.mixing import check_request as check_mixing
from mobiledeploy.pipeline.mixing import convert_mixed
from mobiledeploy.pipeline.provenance import make_manifest, make_proof, package_metadata, portable_mixtures
from mobiledeploy.pipeline.stages import Stages
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import (
    ExportOptions,
    FlexibleSizes,
    Manifest,
    MixedPrecision,
    ParityReport,
    Proof,
    RewriteLog,
    codec,
)
from mobiledeploy.rewrite.recipes import RANK_RULE, recipe
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
    check_mixing(options, targets)
    labels = None if options.labels is None else read_labels(options.labels)
    capture = capture_sizes if options.flexible else _captured_once
    sized = capture(model, options=options, rules=rules, labels=labels, images=images, stages=stages)
    captured = next(iter(sized.values()))
    conversion = ConversionOptions(
        precision="float32" if options.precision == "float32" else "float16",
        deployment_target=options.deployment_target,
        labels=labels,
        metadata=package_metadata(captured),
    )
    title = name or captured.source.name
    convert = _convert_mixed if options.precision == "mixed" else _convert
    made: list[tuple[Manifest, Proof]] = []

    def build(folder: Path) -> None:
        converted = tuple(
            convert(target, sized, conversion, options, folder / f"{title}{target.suffix}", stages)
            for target in targets
        )
        with stages("write", "Writing the artifact"):
            reports = tuple(report for one in converted for report in one.reports)
            flexible = tuple(one.flexible for one in converted if one.flexible is not None)
            references.save(references.joined([one.reference for one in sized.values()]), folder / REFERENCE)
            manifest = make_manifest(title, captured, options=options, targets=targets, reports=reports, folder=folder)
            mixed = tuple(one.mixed for one in converted if one.mixed is not None)
            manifest = replace(manifest, flexible=flexible, mixed=portable_mixtures(mixed))
            proof = make_proof(tuple(sized.values()), reports)
            (folder / MANIFEST).write_text(codec.dumps(manifest), encoding="utf-8")
            (folder / PROOF).write_text(codec.dumps(proof), encoding="utf-8")
            made.append((manifest, proof))

    folder = write_artifact(output, title, build)
    return ExportResult(folder, *made[0], stages.seconds)


def _captured_once(model: str, **wanted: Any) -> dict[Size | None, Captured]:
    """The model at the one size that it is exported for."""
    return {None: capture_model(model, **wanted)}


@dataclass(frozen=True)
class _Converted:
    """One package: how it takes several sizes, if it does, one report per size, and what of it is in float32, where
    that was to be found out."""

    flexible: FlexibleSizes | None
    reports: tuple[ParityReport, ...]
    mixed: MixedPrecision | None = None


def _convert(  # noqa: PLR0917 - one of two ways to do it
    target: Target,
    sized: Mapping[Size | None, Captured],
    conversion: ConversionOptions,
    options: ExportOptions,
    path: Path,
    stages: Stages,
) -> _Converted:
    flexible = None
    with stages(f"convert {target.name}", f"Converting for {target.name}"):
        programs = {size: captured.rewritten.program for size, captured in sized.items() if size is not None}
        with _explained_ranks(sized):
            if programs:
                flexible = target.convert_sizes(programs, conversion, path)
            else:
                target.convert(sized[None].rewritten.program, conversion, path)
    reports = []
    for size, captured in sized.items():
        function = None if flexible is None or size is None else flexible.function(size)
        at = "" if size is None else f" at {size[0]}x{size[1]}"
        with stages(f"check {target.name}", f"Executing the {target.name} program{at} and comparing"):
            report = _check(target, captured, options, path, target.precision(conversion), function)
            _demand(report, captured, path, function)
        reports.append(replace(report, size=size))
    return _Converted(flexible, tuple(reports))


def _convert_mixed(  # noqa: PLR0917 - one of two ways to do it
    target: Target,
    sized: Mapping[Size | None, Captured],
    conversion: ConversionOptions,
    options: ExportOptions,
    path: Path,
    stages: Stages,
) -> _Converted:
    captured = sized[None]
    with _explained_ranks(sized):
        report, mixed = convert_mixed(
            target,
            captured,
            conversion=conversion,
            path=path,
            check=lambda package, precision: _check(target, captured, options, package, precision),
            stages=stages,
        )
    _demand(report, captured, path)
    return _Converted(None, (report,), mixed)


def _check(  # noqa: PLR0917 - what is held against what, and how
    target: Target,
    captured: Captured,
    options: ExportOptions,
    path: Path,
    precision: str,
    function: str | None = None,
) -> ParityReport:
    return check_parity(
        path,
        captured.reference,
        captured.inputs,
        runner=target.runner,
        precision=precision,
        bar_db=options.min_psnr,
        drift_bar_db=options.min_drift_psnr,
        function=function,
    )


def _demand(report: ParityReport, captured: Captured, path: Path, function: str | None = None) -> None:
    """Raises ParityError naming the first operator to diverge."""
    if not report.passed:
        program = captured.rewritten.program
        raise _parity_error(with_divergence(report, path, captured.reference, program, function))


@contextmanager
def _explained_ranks(sized: Mapping[Size | None, Captured]) -> Iterator[None]:
    try:
        yield
    except RankError as error:
        raise _rank_error(error, next(iter(sized.values())).rewritten.log) from error


def _rank_error(error: RankError, log: RewriteLog) -> RankError:
    """What kept the rewriting from bounding the axes, where it said so; else what the converter met first."""
    refusals = [refusal for record in log.rules if record.rule == RANK_RULE for refusal in record.refusals]
    if not refusals:
        return error
    refusal = refusals[0]
    return RankError(
        f"a value of more than five axes could not be rewritten: {refusal.reason}",
        where=f"{refusal.node}, {refusal.line or 'made by a rewrite'}",
        remedy=error.remedy,
    )


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
        remedy=f"{_advice(report)} Nothing was written.",
        psnr_db=report.psnr_db,
    )


def _advice(report: ParityReport) -> str:
    if report.runner != "mil":
        return "--precision float32 tells whether fp16's range or rounding is the cause."
    shows = "the same command with `diagnose` in the place of `export` shows"
    if report.precision == "float16":
        return f"--precision mixed keeps in float32 what float16 cannot hold, and no more; {shows} what that is."
    return f"{shows.capitalize()} where it goes wrong."
