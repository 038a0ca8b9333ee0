"""An exported artifact executed again, and held against the original model's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.artifact import Artifact, open_artifact
from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.parity.runners.table import runner_named
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.pipeline.approximating import approximated_reference, rewrite_model
from mobiledeploy.pipeline.capturing import sample_feeds
from mobiledeploy.pipeline.diverging import with_divergence
from mobiledeploy.pipeline.original import original_runner
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.sources.resolve import resolve
from mobiledeploy.targets.table import TARGETS

if TYPE_CHECKING:
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.records import Manifest, ParityReport

__all__ = ["check"]


def check(
    artifact: Path, *, images: Path | None = None, runner: str | None = None, progress: Progress = SILENT
) -> tuple[ParityReport, ...]:
    """One report per package of the artifact (or of the one package that `artifact` names).

    Without `images` the outputs recorded at export are the reference, and neither torch's model nor its weights are
    needed. With `images` the original model is loaded again, its weights' hash is compared with the manifest's, and it
    gives the reference for those pictures. `runner`: in the place of each target's own; packages that it does not
    execute are passed over.

    Raises PackageError if it is no artifact, InputError where the original cannot be had again or `runner` executes
    none of the packages.
    """
    progress.step(f"Opening {artifact}")
    opened = open_artifact(artifact)
    packages = _packages(opened, artifact, runner)
    reference = _recorded(opened) if images is None else _recomputed(opened.manifest, images, progress)
    reports = []
    for package in packages:
        progress.step(f"Executing {package.name}")
        reports.append(_report(package, opened.manifest, reference, runner))
    return tuple(reports)


def _packages(opened: Artifact, artifact: Path, runner: str | None) -> list[Path]:
    """The package that `artifact` names, or all of the folder's; of them those that `runner` executes."""
    named = [path for path in opened.targets if path.resolve() == artifact.resolve()] or list(opened.targets)
    if runner is None:
        return named
    suffix = runner_named(runner).suffix
    chosen = [path for path in named if path.suffix == suffix]
    if not chosen:
        raise InputError(
            f"{runner} executes {suffix} packages, not {', '.join(path.name for path in named)}",
            where="--runner",
            remedy="Leave --runner out for each package's own.",
        )
    return chosen


def _recorded(opened: Artifact) -> Reference:
    if opened.reference is None:
        raise PackageError("it holds no reference.npz", where=str(opened.folder), remedy="Export the model again.")
    return references.load(opened.reference)


def _recomputed(manifest: Manifest, images: Path, progress: Progress) -> Reference:
    """The original model's outputs on the pictures in `images`."""
    progress.step(f"Loading {manifest.source.identifier}")
    weights, options = manifest.source.weights, manifest.options
    if weights.kind == "file":
        raise InputError(
            f"the original's weights came from {weights.origin}, whose place the artifact does not keep",
            where="--images",
            remedy="Export again with --images: the artifact then holds those pictures' reference.",
        )
    choice = {"own": "auto"}.get(weights.kind, weights.kind)
    source = resolve(
        manifest.source.identifier,
        weights=choice,
        resolution=options.resolution,
        seed=options.seed,
        progress=progress,
    )
    if source.record.weights.sha256 != weights.sha256:
        raise InputError(
            "the model found here has other weights than the exported one",
            where="--images",
            remedy="Export again with --images.",
        )
    labels = None if options.labels is None else read_labels(options.labels)
    prepared = prepare(source.module, manifest.inputs, labels, options.output_names)
    samples = parity_samples(manifest.inputs, images=images, seed=options.seed)
    reference = references.record_reference(original_runner(prepared), manifest.inputs, prepared.output_names, samples)
    if not options.substitute:
        return reference
    program = capture(prepared, manifest.inputs)
    made = rewrite_model(program, options, (), sample_feeds(manifest.inputs, samples))
    return approximated_reference(reference, prepared.output_names, made.rewritten.outputs)


def _report(package: Path, manifest: Manifest, reference: Reference, runner: str | None) -> ParityReport:
    target = next((target for target in TARGETS if target.suffix == package.suffix), None)
    exported = next((claim for claim in manifest.parity if claim.artifact == package.name), None)
    if target is None or exported is None:
        raise PackageError(
            f"the manifest claims nothing of {package.name}", where=str(package), remedy="Export the model again."
        )
    report = check_parity(
        package,
        reference,
        manifest.inputs,
        runner=runner or target.runner,
        precision=exported.precision,
        bar_db=exported.bar_db,
        drift_bar_db=manifest.options.min_drift_psnr,
    )
    return with_divergence(report, package, reference)
