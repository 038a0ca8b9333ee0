"""What a package computes in float32, executed here: the best that there is to compare a phone's outputs with where
nobody knows the original."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.errors import MobileDeployError, UnsupportedError
from mobiledeploy.mil.loading import load
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import bar_for
from mobiledeploy.parity.unrounded import class_labels, precision_of, unrounded

if TYPE_CHECKING:
    from mobiledeploy.mil.model import Model
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.records import InputSpec
    from mobiledeploy.server.blobs import Blobs

__all__ = ["Executed", "execute"]

_PIXEL_STEP_DB = 20 * math.log10(255)
"""The PSNR of a picture in which every pixel is off by one of 255 steps: rounding to 8 bits explains as much."""


@dataclass(frozen=True)
class Executed:
    """`reference`: the blob with the outputs, None for `reason`. `precision`: what the program computes in, empty where
    it could not be read. `bar_db`: what its outputs on a device must reach. `labels`: of a classifier's classes."""

    reference: str | None = None
    reason: str = ""
    precision: str = ""
    bar_db: float = 0.0
    labels: tuple[str | int, ...] = ()


def execute(
    path: Path, function: str | None, inputs: tuple[InputSpec, ...], samples: tuple[Sample, ...], blobs: Blobs
) -> Executed:
    """Runs one function of the package in float32, without rounding, on every sample.

    Raises PackageError for a damaged package; what the executor does not know is a reason to go without a reference.
    """
    try:
        exact = load(path, function, precision="float32")
    except UnsupportedError as error:
        return Executed(reason=f"nothing here executes the package ({error.what})")
    precision = precision_of(exact)
    try:
        reference = unrounded(exact, inputs, samples)
    except MobileDeployError as error:
        return Executed(reason=f"the package cannot be executed here ({error.what})", precision=precision)
    reason = _unfit(reference)
    if reason:
        return Executed(reason=reason, precision=precision)
    return Executed(_kept(reference, blobs), "", precision, _bar(exact, precision), class_labels(exact))


def _bar(model: Model, precision: str) -> float:
    bar = bar_for(precision)
    return min(bar, _PIXEL_STEP_DB) if any(output.kind == "image" for output in model.outputs) else bar


def _unfit(reference: Reference) -> str:
    if not all(reference.outputs):
        return "it gives neither arrays nor pictures, so there is nothing to compare"
    for sample, outputs in zip(reference.samples, reference.outputs, strict=True):
        for name, array in outputs.items():
            if not np.isfinite(array).all():
                return (
                    f"executed here, it gives NaN or infinity itself in output `{name}` on the sample {sample.name!r}"
                )
    return ""


def _kept(reference: Reference, blobs: Blobs) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reference.npz"
        references.save(reference, file)
        return blobs.add_file(file)[0]
