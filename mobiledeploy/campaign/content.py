"""Packages and inputs by content: what a job names, kept in the blobs under its hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mobiledeploy.errors import PackageError, UnsupportedError
from mobiledeploy.records import JobSample, PackageContent, PackageFile, TensorContent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mobiledeploy.campaign.subject import Subject
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.records import InputSpec
    from mobiledeploy.server.blobs import Blobs

__all__ = ["Prepared", "job_sample", "package_content"]

_NARROWED = {"int64": "int32", "bool": "int32", "uint16": "int32", "int16": "int32"}
"""Core ML's arrays have no such types; the packages take int32 in their place."""


@dataclass(frozen=True)
class Prepared:
    """One package at one size, ready to be measured; everything it names is in the blobs."""

    package: PackageContent
    samples: tuple[JobSample, ...]
    function: str | None
    subject: Subject


def package_content(package: Path, blobs: Blobs) -> PackageContent:
    """Every file of the package folder, kept in `blobs`, sorted by path. Raises PackageError for a link that leads
    outside: what is there is not the package's to give away."""
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
    outside = [name for name, path in files.items() if not path.resolve().is_relative_to(package.resolve())]
    if outside:
        what = f"{outside[0]} is a link that leads outside the package"
        raise PackageError(what, where=str(package), remedy="Export or download the package again.")
    listed = tuple(PackageFile(name, *blobs.add_file(files[name])) for name in sorted(files))
    return PackageContent(package.name, listed)


def job_sample(sample: Sample, specs: Mapping[str, InputSpec], blobs: Blobs) -> JobSample:
    """The sample's arrays, kept in `blobs`. Raises UnsupportedError for numbers that Core ML's arrays cannot hold."""
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
