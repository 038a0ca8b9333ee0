"""What a model gave, told in a few numbers; and the classes that it finds likeliest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mobiledeploy.parity.ranking import is_ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OutputSummary", "best_classes", "output_arrays", "summary"]


@dataclass(frozen=True)
class OutputSummary:
    """`kind`: array, image, label (of a class), number, or probabilities (by label).

    `shape`, `dtype`: of the array; of an image (height, width, channels) and "uint8", of probabilities (classes) and
    the type of the labels. `minimum`, `maximum`, `mean`: of the finite elements, None where there is none. `nans`,
    `infinities`: how many elements are. `value`: the label or number.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: str
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    nans: int = 0
    infinities: int = 0
    value: str | int | float | None = None


def summary(value: Any) -> OutputSummary:
    """Of an output as `mil.Model.predict` gives it."""
    if isinstance(value, Mapping):
        numbers = _statistics(np.fromiter(value.values(), np.float64, len(value)))
        labels = "int64" if all(isinstance(label, int) for label in value) else "string"
        return OutputSummary("probabilities", (len(value),), labels, **numbers)
    if isinstance(value, str):
        return OutputSummary("label", (), "string", value=value)
    if isinstance(value, int):
        return OutputSummary("label", (), "int64", value=value)
    if isinstance(value, float):
        return OutputSummary("number", (), "float64", value=value)
    array = _array(value)
    kind = "image" if isinstance(value, Image.Image) else "array"
    return OutputSummary(kind, array.shape, str(array.dtype), **_statistics(array))


def _statistics(array: NDArray[np.generic]) -> dict[str, Any]:
    numbers = array.astype(np.float64, copy=False)
    finite = numbers[np.isfinite(numbers)]
    counts = {"nans": int(np.isnan(numbers).sum()), "infinities": int(np.isinf(numbers).sum())}
    if not finite.size:
        return counts
    return counts | {
        "minimum": float(finite.min()),
        "maximum": float(finite.max()),
        "mean": float(finite.mean()),
    }


def _array(value: Any) -> NDArray[np.generic]:
    """An image's pixels without the alpha channel, which no program gives."""
    if isinstance(value, Image.Image) and value.mode == "RGBA":
        value = value.convert("RGB")
    return np.asarray(value)


def output_arrays(outputs: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    """All outputs as arrays for a `.npz` file: probabilities as float64 (classes), beside them the labels under
    `NAME.labels`; images as uint8 (height, width, 3) or (height, width)."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            arrays[name] = np.fromiter(value.values(), np.float64, len(value))
            arrays[f"{name}.labels"] = np.array(list(value))
        else:
            arrays[name] = _array(value)
    return arrays


def best_classes(outputs: Mapping[str, Any], labels: tuple[str, ...], top: int) -> tuple[tuple[str, float], ...]:
    """The likeliest classes with their scores, best first: by the probabilities where the model gives them by label,
    else by its first output (N, K) of floats, of which the first row counts; empty where there is none."""
    for value in outputs.values():
        if isinstance(value, Mapping):
            ranked = sorted(value.items(), key=lambda item: -np.nan_to_num(item[1], nan=-np.inf))
            return tuple((str(label), float(score)) for label, score in ranked[:top])
    rankings = {name: value for name, value in outputs.items() if isinstance(value, np.ndarray) and is_ranking(value)}
    if not rankings:
        return ()
    scores = rankings.get("probabilities", next(iter(rankings.values())))[0].astype(np.float64)
    known = len(labels) == len(scores)
    best = np.argsort(-scores, kind="stable")[:top]
    return tuple((labels[i] if known else f"class {i}", float(scores[i])) for i in best)
