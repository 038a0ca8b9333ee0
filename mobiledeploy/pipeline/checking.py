"""An exported artifact executed again, and held against the original model's outputs."""

from __future__ import annotations

from dataclasses import replace
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
from mobiledeploy.pipeline.flexible import Size, sample_prefix
from mobiledeploy.pipeline.original import original_runner
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.sources.other_size import at_size, resized
from mobiledeploy.sources.resolve import resolve
from mobiledeploy.targets.table import TARGETS

if TYPE_CHECKING:
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.records import InputSpec, Manifest, ParityReport
    from mobiledeploy.sources.source import ModelSource

__all__ = ["check"]


def check(
    artifact: Path, *, images: Path | None = None, runner: str | None = None, progress: Progress = SILENT
) -> tuple[ParityReport, ...]:
    """One report per package of the artifact (or of the one package that `artifact` names), and per size where a
    package takes several.

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
        reports += _reports(package, opened.manifest, reference, runner)
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
    if not options.flexible:
        return _reference(source, manifest.inputs, manifest, images)
    parts = []
    for size in dict.fromkeys(options.flexible):
        identifier, inputs = manifest.source.identifier, resized(manifest.inputs, size)
        other = at_size(source, size, identifier=identifier, weights=choice, seed=options.seed)
        parts.append(_reference(other, inputs, manifest, images, prefix=sample_prefix(size)))
    return references.joined(parts)


def _reference(
    source: ModelSource, inputs: tuple[InputSpec, ...], manifest: Manifest, images: Path, prefix: str = ""
) -> Reference:
    """`prefix`: of the samples' names."""
    options = manifest.options
    labels = None if options.labels is None else read_labels(options.labels)
    prepared = prepare(source.module, inputs, labels, options.output_names)
    found = parity_samples(inputs, images=images, seed=options.seed)
    samples = tuple(replace(sample, name=f"{prefix}{sample.name}") for sample in found)
    reference = references.record_reference(original_runner(prepared), inputs, prepared.output_names, samples)
    if not options.substitute:
        return reference
    program = capture(prepared, inputs)
    made = rewrite_model(program, options, (), sample_feeds(inputs, samples))
    return approximated_reference(reference, prepared.output_names, made.rewritten.outputs)


def _reports(package: Path, manifest: Manifest, reference: Reference, runner: str | None) -> list[ParityReport]:
    flexible = next((found for found in manifest.flexible if found.artifact == package.name), None)
    if flexible is None:
        return [_report(package, manifest, reference, runner)]
    return [
        _report(
            package,
            replace(manifest, inputs=resized(manifest.inputs, size)),
            references.starting_with(reference, sample_prefix(size)),
            runner,
            size=size,
            function=flexible.function(size),
        )
        for size in flexible.sizes
    ]


def _report(
    package: Path,
    manifest: Manifest,
    reference: Reference,
    runner: str | None,
    *,
    size: Size | None = None,
    function: str | None = None,
) -> ParityReport:
    target = next((target for target in TARGETS if target.suffix == package.suffix), None)
    claims = (claim for claim in manifest.parity if claim.artifact == package.name and claim.size == size)
    exported = next(claims, None)
    if target is None or exported is None or not reference.samples:
        of_size = "" if size is None else f" at {size[0]}x{size[1]}"
        raise PackageError(
            f"the manifest claims nothing of {package.name}{of_size}",
            where=str(package),
            remedy="Export the model again.",
        )
    report = check_parity(
        package,
        reference,
        manifest.inputs,
        runner=runner or target.runner,
        precision=exported.precision,
        bar_db=exported.bar_db,
        drift_bar_db=manifest.options.min_drift_psnr,
        function=function,
    )
    return replace(with_divergence(report, package, reference, function=function), size=size)
