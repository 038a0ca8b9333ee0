"""An exported folder as something to be measured: its packages by content, its samples as raw arrays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mobiledeploy.artifact import Artifact, open_artifact
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.errors import InputError, PackageError, UnsupportedError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.pixels import is_picture
from mobiledeploy.parity.runners.classifier import package_classifier
from mobiledeploy.records import JobSample, PackageContent, PackageFile, TensorContent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.records import InputSpec, Manifest
    from mobiledeploy.server.blobs import Blobs

__all__ = ["Prepared", "package_content", "packages_in", "prepare"]

_SUFFIX = ".mlpackage"
_NARROWED = {"int64": "int32", "bool": "int32", "uint16": "int32", "int16": "int32"}
"""Core ML's arrays have no such types; the packages take int32 in their place."""


@dataclass(frozen=True)
class Prepared:
    """One package, ready to be measured; everything it names is in the blobs."""

    package: PackageContent
    samples: tuple[JobSample, ...]
    function: str | None
    subject: Subject


def prepare(path: Path, blobs: Blobs) -> tuple[Prepared, ...]:
    """The Core ML packages of the exported folder at `path`, or the one that `path` is. Of a package that takes several
    sizes, its default one. Raises as `packages_in` does.
    """
    artifact, chosen = packages_in(path)
    return tuple(_prepare_one(artifact, package, blobs) for package in chosen)


def packages_in(path: Path) -> tuple[Artifact, list[Path]]:
    """The artifact at `path`, and its Core ML packages or the one that `path` is.

    Raises PackageError for what is no exported folder or is damaged, InputError for one without a Core ML package.
    """
    artifact = open_artifact(path)
    chosen = [target for target in artifact.targets if target.suffix == _SUFFIX]
    if path.suffix == _SUFFIX:
        chosen = [target for target in chosen if target.name == path.name]
    if not chosen:
        what, remedy = f"{path} holds no Core ML package", "Export it with `--target coreml`."
        raise InputError(what, where=str(path), remedy=remedy)
    return artifact, chosen


def _prepare_one(artifact: Artifact, package: Path, blobs: Blobs) -> Prepared:
    manifest = artifact.manifest
    flexible = next((each for each in manifest.flexible if each.artifact == package.name), None)
    size = flexible.sizes[0] if flexible else None
    prefix = f"{size[0]}x{size[1]}/" if size else ""
    claim = next((each for each in manifest.parity if each.artifact == package.name and each.size == size), None)
    if claim is None or artifact.reference is None:
        raise PackageError(f"the manifest claims nothing of {package.name}", where=str(package), remedy=_AGAIN)
    reference = references.starting_with(references.load(artifact.reference), prefix)
    specs = {spec.name: spec for spec in manifest.inputs}
    classifier = package_classifier(package)
    labels = classifier.labels if classifier else ()
    counts = Counter(labels)
    subject = Subject(
        model=manifest.name,
        precision=claim.precision,
        bar_db=claim.bar_db,
        architecture=_architecture(manifest),
        resolution=next((spec.shape[-2] for spec in manifest.inputs if is_picture(spec)), None),
        reference=blobs.add_file(artifact.reference)[0],
        prefix=prefix,
        sizes=tuple((spec.shape[-2], spec.shape[-1]) for spec in manifest.inputs if is_picture(spec)),
        labels=len(labels),
        distinct_classes=tuple(index for index, label in enumerate(labels) if counts[label] == 1),
    )
    return Prepared(
        package_content(package, blobs),
        tuple(_sample(sample, specs, blobs) for sample in reference.samples),
        flexible.function(flexible.sizes[0]) if flexible else None,
        subject,
    )


_AGAIN = "Export the model again."


def _architecture(manifest: Manifest) -> str:
    source = manifest.source
    return source.identifier.partition(".")[0] if source.kind == "zoo" else ""


def package_content(package: Path, blobs: Blobs) -> PackageContent:
    """Every file of the package folder, kept in `blobs`, sorted by path."""
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
    listed = tuple(PackageFile(name, *blobs.add_file(files[name])) for name in sorted(files))
    return PackageContent(package.name, listed)


def _sample(sample: Sample, specs: dict[str, InputSpec], blobs: Blobs) -> JobSample:
    tensors = (_tensor(specs[name], array, blobs) for name, array in sample.arrays.items())
    return JobSample(sample.name, tuple(tensors))


def _tensor(spec: InputSpec, array: NDArray[Any], blobs: Blobs) -> TensorContent:
    dtype = _NARROWED.get(array.dtype.name, array.dtype.name)
    if dtype not in ("float16", "float32", "float64", "int32", "int8", "uint8"):
        raise UnsupportedError(
            f"input `{spec.name}` is of {array.dtype.name}, which Core ML's arrays cannot hold",
            remedy="Export the model with inputs of float32 or int32.",
        )
    portable = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<"))
    content = portable.tobytes()
    kind = "image" if spec.kind == "image" else "multiarray"
    return TensorContent(
        spec.name, cast("Any", dtype), array.shape, blobs.add(content), len(content), cast("Any", kind)
    )
