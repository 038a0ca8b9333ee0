"""A model or a package, taken to where it can be examined operator by operator.

MODEL ──capture──▶ rewritten ──▶ converted in float16 and in float32 ──────────▶ examine
exported folder ──its source again──▶ rewritten ──▶ its package, and float32 ──▶ examine
any .mlpackage ──▶ its program, and the same without rounding ─────────────────▶ examine
"""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.artifact import MANIFEST, Artifact, open_artifact
from mobiledeploy.errors import InputError, MobileDeployError, UnsupportedError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.parity.runners.classifier import package_classifier
from mobiledeploy.pipeline.approximating import check_request
from mobiledeploy.pipeline.capturing import Captured, capture_model
from mobiledeploy.pipeline.diverging import with_divergence
from mobiledeploy.pipeline.examining import Subject, examine
from mobiledeploy.pipeline.lone_package import examine_alone
from mobiledeploy.pipeline.mixing import convert_full, convert_half, open_trial
from mobiledeploy.pipeline.stages import Stages
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import ExportOptions
from mobiledeploy.rewrite.recipes import recipe
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions

if TYPE_CHECKING:
    from mobiledeploy.records import Diagnosis, Manifest, ParityReport

__all__ = ["diagnose"]

_TARGET = "coreml"
_SUFFIX = ".mlpackage"
_BLIND = (
    "its operators are held against themselves in float32, which is blind to what the converter got wrong, and knows "
    "no PyTorch lines."
)
_FOREIGN = f"No export of ours made this package: {_BLIND}"
_ASKED_OF_ARTIFACTS = ("weights", "min_psnr")


def diagnose(
    subject: str, *, options: ExportOptions | None = None, images: Path | None = None, progress: Progress = SILENT
) -> Diagnosis:
    """Where `subject` leaves its original, operator by operator, what float16 does to it, and the fewest operators to
    keep in float32 so that parity holds.

    Args:
        subject: an exported folder, a package in it, any other `.mlpackage`; or a model as `export` takes it.
        options: as for `export`, of a model. An artifact has its own; for it `weights`, where the original's cannot be
            found again, and `min_psnr` are taken.
        images: further pictures to look at.

    A package whose original cannot be had is held against itself in float32, and the diagnosis says so.

    Raises any MobileDeployError but ParityError: what parity came to is in the diagnosis.
    """
    wanted = options or ExportOptions()
    path = Path(subject)
    stages = Stages(progress)
    if not (path.is_dir() or path.suffix in (_SUFFIX, ".mlmodel", ".onnx")):
        return _of_model(subject, wanted, images, stages)
    _check_options(wanted)
    if path.suffix == _SUFFIX and path.is_dir() and not (path.parent / MANIFEST).exists():
        return examine_alone(path, _FOREIGN, bar_db=wanted.min_psnr, images=images, progress=progress)
    progress.step(f"Opening {subject}")
    return _of_artifact(open_artifact(path), path, wanted, images, stages)


def _check_options(options: ExportOptions) -> None:
    default = ExportOptions()
    for field in fields(options):
        if field.name not in _ASKED_OF_ARTIFACTS and getattr(options, field.name) != getattr(default, field.name):
            option = f"--{field.name.replace('_', '-')}"
            raise InputError(
                f"{option} is of models; an exported artifact has its own options",
                where=option,
                remedy="Leave it out, or name the model.",
            )


def _of_model(model: str, options: ExportOptions, images: Path | None, stages: Stages) -> Diagnosis:
    if options.flexible:
        raise UnsupportedError(
            "several sizes at once cannot be diagnosed", where="--flexible", remedy="Give one with --resolution."
        )
    check_request(options)
    labels = None if options.labels is None else read_labels(options.labels)
    rules = recipe(options.skip)
    captured = capture_model(model, options=options, rules=rules, labels=labels, images=images, stages=stages)
    return _examined(captured, options, labels, subject=model, stages=stages)


def _of_artifact(opened: Artifact, path: Path, wanted: ExportOptions, images: Path | None, stages: Stages) -> Diagnosis:
    package = _package(opened, path)
    manifest = opened.manifest
    flexible = next((found for found in manifest.flexible if found.artifact == package.name), None)
    options = replace(manifest.options, min_psnr=wanted.min_psnr or manifest.options.min_psnr)
    note = None
    if flexible is not None:
        height, width = flexible.sizes[0]
        options = replace(options, flexible=(), resolution=(height, width))
        note = f"It takes several sizes: what was looked at is the default one, {height}x{width}, converted by itself."
    try:
        captured = _captured_again(manifest, package, options, wanted.weights, images, stages)
    except MobileDeployError as error:
        if flexible is not None:
            raise
        why = f"The original cannot be had again ({error.what}): {_BLIND}"
        reference = references.load(opened.reference) if opened.reference is not None and images is None else None
        return examine_alone(
            package,
            why,
            inputs=manifest.inputs,
            reference=reference,
            bar_db=options.min_psnr,
            images=images,
            progress=stages.progress,
        )
    labels = _labels(package)
    own = None if flexible is not None else package
    return replace(_examined(captured, options, labels, subject=str(path), stages=stages, package=own), note=note)


def _package(opened: Artifact, path: Path) -> Path:
    named = [target for target in opened.targets if target.resolve() == path.resolve()] or list(opened.targets)
    chosen = next((target for target in named if target.suffix == _SUFFIX), None)
    if chosen is None:
        raise InputError(
            f"only Core ML programs can be diagnosed, not {', '.join(target.name for target in named)}",
            where=str(path),
            remedy="Name the model itself, or export it with --target coreml.",
        )
    return chosen


def _labels(package: Path) -> tuple[str, ...] | None:
    classifier = package_classifier(package)
    return None if classifier is None else tuple(map(str, classifier.labels))


def _captured_again(  # noqa: PLR0917 - what the artifact says, and what the user added
    manifest: Manifest, package: Path, options: ExportOptions, weights: str, images: Path | None, stages: Stages
) -> Captured:
    """The model that the manifest tells of. Raises InputError where what is found now is another one."""
    known = manifest.source.weights
    if known.kind == "file" and weights == "auto":
        raise InputError(
            f"its weights came from {known.origin}, whose place the artifact does not keep",
            where=str(package),
            remedy="Name the file with --weights.",
        )
    choice = weights if known.kind == "file" else {"own": "auto"}.get(known.kind, known.kind)
    captured = capture_model(
        manifest.source.identifier,
        options=replace(options, weights=choice),
        rules=recipe(options.skip),
        labels=_labels(package),
        images=images,
        stages=stages,
    )
    if captured.source.weights.sha256 != known.sha256:
        raise InputError(
            "the model found here has other weights than the exported one",
            where=str(package),
            remedy="Export the model again, or name the weights with --weights.",
        )
    return captured


def _examined(
    captured: Captured,
    options: ExportOptions,
    labels: tuple[str, ...] | None,
    *,
    subject: str,
    stages: Stages,
    package: Path | None = None,
) -> Diagnosis:
    """`package`: the exported one, None where there is none: then the model is converted as `options` say."""
    target, program = target_named(_TARGET), captured.rewritten.program
    conversion = ConversionOptions("float16", options.deployment_target, labels)
    with tempfile.TemporaryDirectory(prefix="mobiledeploy-") as folder:
        name = f"{captured.source.name}{_SUFFIX}"
        half, full = Path(folder) / name, Path(folder) / "float32" / name
        full.parent.mkdir()
        if package is not None and options.precision == "float16":
            half = package
        else:
            convert_half(target, program, conversion, half, stages)
        with stages("convert", "Converting in float32"):
            selectable = convert_full(target, program, conversion, full)
        looked_at = package or (full if options.precision == "float32" else half)
        precision = "float16" if looked_at == half else options.precision
        with stages("check", "Executing and comparing"):
            report = _report(looked_at, precision, captured, options)
            report = with_divergence(report, looked_at, captured.reference, program)
            half_report = report if looked_at == half else _report(half, "float16", captured, options)
        reference, bar_db = captured.reference, half_report.bar_db
        trial = open_trial(half, full, selectable, reference=reference, inputs=captured.inputs, bar_db=bar_db)
        with stages("examine", "Examining"):
            return examine(Subject(subject, looked_at, report, trial, half_report, program), stages.progress)


def _report(path: Path, precision: str, captured: Captured, options: ExportOptions) -> ParityReport:
    return check_parity(
        path, captured.reference, captured.inputs, runner="mil", precision=precision, bar_db=options.min_psnr
    )
