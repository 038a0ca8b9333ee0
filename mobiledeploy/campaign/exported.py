"""An exported folder as something to be measured: its packages, its samples, and what the original made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.artifact import Artifact, open_artifact
from mobiledeploy.campaign.content import Prepared, job_sample, package_content
from mobiledeploy.campaign.sizes import ChosenSizes, Size, SizesTaken, size_text
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.pixels import is_picture
from mobiledeploy.parity.runners.classifier import package_classifier

if TYPE_CHECKING:
    from mobiledeploy.records import FlexibleSizes, Manifest, PackageContent, ParityClaim
    from mobiledeploy.server.blobs import Blobs

__all__ = ["ExportedPackage", "packages_in", "prepare_exported"]

_SUFFIX = ".mlpackage"


@dataclass(frozen=True)
class ExportedPackage:
    """One package of an exported folder, and the `sizes` to measure it at."""

    artifact: Artifact
    path: Path
    sizes: tuple[Size | None, ...]

    @property
    def flexible(self) -> FlexibleSizes | None:
        return _flexible(self.artifact.manifest, self.path)


def packages_in(path: Path, chosen: ChosenSizes) -> tuple[ExportedPackage, ...]:
    """The Core ML packages of the exported folder at `path`, or the one that `path` is.

    Raises PackageError for what is no exported folder or is damaged, InputError for one without a Core ML package or
    without a size that was asked for.
    """
    artifact = open_artifact(path)
    found = [target for target in artifact.targets if target.suffix == _SUFFIX]
    if path.suffix == _SUFFIX:
        found = [target for target in found if target.name == path.name]
    if not found:
        what, remedy = f"{path} holds no Core ML package", "Export it with `--target coreml`."
        raise InputError(what, where=str(path), remedy=remedy)
    manifest = artifact.manifest
    return tuple(
        ExportedPackage(artifact, package, chosen.of(package.name, _taken(manifest, _flexible(manifest, package))))
        for package in found
    )


def _flexible(manifest: Manifest, package: Path) -> FlexibleSizes | None:
    return next((each for each in manifest.flexible if each.artifact == package.name), None)


def _taken(manifest: Manifest, flexible: FlexibleSizes | None) -> SizesTaken:
    pictures = [spec.shape for spec in manifest.inputs if is_picture(spec)]
    return SizesTaken(flexible.sizes if flexible else tuple((shape[-2], shape[-1]) for shape in pictures[:1]))


def prepare_exported(package: ExportedPackage, blobs: Blobs) -> tuple[Prepared, ...]:
    """The package at each of its sizes. Raises PackageError where the manifest claims nothing of it."""
    content = package_content(package.path, blobs)
    return tuple(_at_size(package, content, size, blobs) for size in package.sizes)


def _at_size(package: ExportedPackage, content: PackageContent, size: Size | None, blobs: Blobs) -> Prepared:
    manifest = package.artifact.manifest
    claim = next((each for each in manifest.parity if each.artifact == content.name and each.size == size), None)
    if claim is None or package.artifact.reference is None:
        what = f"the manifest claims nothing of {content.name}" + (f" at {size_text(size)}" if size else "")
        raise PackageError(what, where=str(package.path), remedy="Export the model again.")
    subject = _subject(package, claim, package.artifact.reference, blobs)
    reference = references.starting_with(references.load(package.artifact.reference), subject.prefix)
    specs = {spec.name: spec for spec in manifest.inputs}
    return Prepared(
        content,
        tuple(job_sample(sample, specs, blobs) for sample in reference.samples),
        package.flexible.function(size) if package.flexible and size else None,
        subject,
    )


def _subject(package: ExportedPackage, claim: ParityClaim, reference: Path, blobs: Blobs) -> Subject:
    manifest, size = package.artifact.manifest, claim.size
    classifier = package_classifier(package.path)
    labels = classifier.labels if classifier else ()
    counts = Counter(labels)
    pictures = [size or (spec.shape[-2], spec.shape[-1]) for spec in manifest.inputs if is_picture(spec)]
    return Subject(
        model=manifest.name,
        precision=claim.precision,
        bar_db=claim.bar_db,
        architecture=_architecture(manifest),
        resolution=pictures[0][0] if pictures else None,
        reference=blobs.add_file(reference)[0],
        prefix=f"{size_text(size)}/" if size else "",
        sizes=tuple(pictures),
        labels=len(labels),
        distinct_classes=tuple(index for index, label in enumerate(labels) if counts[label] == 1),
        size=size,
    )


def _architecture(manifest: Manifest) -> str:
    source = manifest.source
    return source.identifier.partition(".")[0] if source.kind == "zoo" else ""
