"""Core ML's model of non-maximum suppression: what the pipelines of object detectors end in.

Source: `NonMaximumSuppression.proto` of the coremltools repository, whose algorithm is

1. boxes whose confidence falls below the confidence threshold are discarded;
2. of the rest the most confident one is kept, and those that overlap it by more than the IoU threshold are discarded;
3. again, until none is left.

Where it is silent: the confidence of a box is the largest of its classes'; a box at the confidence threshold stays; of
two equally confident ones the first comes first; a box that overlaps another by exactly the IoU threshold stays (so
that a threshold of 1 suppresses nothing, as is said there).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mobiledeploy.errors import InputError
from mobiledeploy.mil.ops.suppression import suppress
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature

__all__ = ["Suppression", "read_suppression"]


@dataclass(frozen=True)
class Suppression:
    """`confidence`, `coordinates`: names of the input and of the output. `overlap`, `least`: the thresholds, and the
    names of the inputs that override them, empty for none. `by_class`: only boxes of one class (the most confident one)
    suppress each other. `rows`: the smallest and largest number of boxes given, None for no limit."""

    confidence: tuple[str, str]
    coordinates: tuple[str, str]
    overlap: tuple[float, str]
    least: tuple[float, str]
    by_class: bool
    rows: tuple[int, int | None]

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """confidence (N, C) and coordinates (N, 4: centre x, centre y, width, height), to those of the boxes kept, most
        confident first; zeros where fewer are kept than must be given. Raises InputError for other shapes."""
        scores, boxes = self._arrays(inputs)
        kept = self._kept(torch.from_numpy(scores), torch.from_numpy(boxes), inputs)
        return {self.confidence[1]: self._rows(scores[kept]), self.coordinates[1]: self._rows(boxes[kept])}

    def _arrays(self, inputs: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        scores, boxes = (np.array(inputs[name], np.float64) for name in (self.confidence[0], self.coordinates[0]))
        if scores.ndim != 2 or not scores.shape[1] or boxes.shape != (len(scores), 4):
            raise InputError(
                f"non-maximum suppression takes confidences (N, classes) and coordinates (N, 4), not {scores.shape} "
                f"and {boxes.shape}",
                remedy="See the model's description of its inputs.",
            )
        return scores, boxes

    def _kept(self, scores: torch.Tensor, boxes: torch.Tensor, inputs: Mapping[str, Any]) -> np.ndarray:
        overlap, least = (_threshold(parameter, inputs) for parameter in (self.overlap, self.least))
        best, classes = scores.max(1) if len(scores) else (scores.new_zeros(0), torch.zeros(0, dtype=torch.long))
        order = torch.argsort(best, descending=True, stable=True)
        groups = classes if self.by_class else torch.zeros_like(classes)
        most = len(order) if self.rows[1] is None else self.rows[1]
        kept: np.ndarray = suppress(boxes, groups, order[best[order] >= least], overlap, most).numpy()
        return kept

    def _rows(self, values: np.ndarray) -> np.ndarray:
        missing = max(0, self.rows[0] - len(values))
        checked_shape((len(values) + missing, values.shape[1]))
        return np.pad(values, ((0, missing), (0, 0)))


def _threshold(parameter: tuple[float, str], inputs: Mapping[str, Any]) -> float:
    value, name = parameter
    given = inputs.get(name) if name else None
    if given is None:
        return value
    array = np.asarray(given)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise InputError(f"input {name!r} is no number", remedy="Give one number between 0 and 1.")
    return float(array.reshape(()))


def read_suppression(message: Any, outputs: tuple[Feature, ...]) -> Suppression:
    """The record of a `NonMaximumSuppression` message; `outputs` may limit the number of boxes."""
    names = (message.confidenceOutputFeatureName, message.coordinatesOutputFeatureName)
    low, high = 0, None
    for feature in (feature for feature in outputs if feature.name in names):
        if feature.ranges:
            low, high = feature.ranges[0]
        elif feature.shape:
            low = high = feature.shape[0]
        if (low, high) != (0, None):
            break
    return Suppression(
        (message.confidenceInputFeatureName, names[0]),
        (message.coordinatesInputFeatureName, names[1]),
        (message.iouThreshold, message.iouThresholdInputFeatureName),
        (message.confidenceThreshold, message.confidenceThresholdInputFeatureName),
        message.pickTop.perClass,
        (low, high),
    )
