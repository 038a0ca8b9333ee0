"""What the device computed, against what the original model computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.parity import reference as references
from mobiledeploy.parity.comparison import Standard, compare_outputs
from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PROBABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.campaign.subject import Subject
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.records import OutputParity, TensorContent, UnitRun
    from mobiledeploy.server.blobs import Blobs

__all__ = ["device_parity", "subject_reference"]


def subject_reference(subject: Subject | None, blobs: Blobs) -> Reference | str:
    """The reference outputs, or the reason why there are none."""
    if subject is None:
        return "the job is not of this store, so there is no reference here"
    if subject.no_reference:
        return subject.no_reference
    path = blobs.find(subject.reference) if subject.reference else None
    if path is None:
        return "the reference outputs are not there"
    return references.starting_with(references.load(path), subject.prefix)


def device_parity(
    unit: UnitRun, subject: Subject, reference: Reference, blobs: Blobs
) -> tuple[OutputParity, ...] | str:
    """Every output on every sample that the unit sent, by the bars of the export; or the reason why there is none.

    PSNR, top-1 and top-5, NaN and infinity are judged as `parity.comparison` does.
    """
    if not unit.outputs:
        return "the device sent no outputs"
    standard = Standard(subject.precision, subject.bar_db, frozenset(subject.sizes))
    expected = {sample.name: outputs for sample, outputs in zip(reference.samples, reference.outputs, strict=True)}
    results: list[OutputParity] = []
    for sent in unit.outputs:
        found = {tensor.name: _array(tensor, blobs) for tensor in sent.outputs}
        missing = [name for name, array in found.items() if array is None]
        if missing:
            return f"the bytes of output {missing[0]} are not there"
        if sent.sample in expected:
            arrays = {name: array for name, array in found.items() if array is not None}
            wanted = expected[sent.sample]
            results += compare_outputs(sent.sample, wanted, _with_probabilities(arrays, wanted, subject), standard)
    return tuple(results) or "no sample of the device has a reference"


def _with_probabilities(
    arrays: dict[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]], subject: Subject
) -> dict[str, NDArray[Any]]:
    """A device sends a classifier's dictionary as one array in the order of the labels, and nothing of the label that
    it predicts; of classes that share a label a dictionary has one number, so only the others compare."""
    if not subject.labels:
        return arrays
    found: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        if array.size == subject.labels and (name not in wanted or wanted[name].shape != array.shape):
            distinct = np.array(subject.distinct_classes, np.int64)
            found |= {DISTINCT_CLASSES: distinct, PROBABILITIES: array.reshape(1, -1)[:, distinct]}
        else:
            found[name] = array
    return found


def _array(tensor: TensorContent, blobs: Blobs) -> NDArray[Any] | None:
    """Floating values as float32, as everywhere that outputs are compared."""
    path = blobs.find(tensor.sha256)
    if path is None or path.stat().st_size != tensor.bytes:
        return None
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    if math.prod(tensor.shape) * dtype.itemsize != tensor.bytes:
        return None
    array = np.frombuffer(path.read_bytes(), dtype).reshape(tensor.shape)
    return array.astype(np.float32) if array.dtype.kind == "f" else array
