"""A package without its original: what it takes, and what it computes in float32, which it is then held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.pipeline import Pipeline
from mobiledeploy.parity.blend import dtype_of, is_constant
from mobiledeploy.parity.reference import Reference
from mobiledeploy.parity.runners.classifier import classifier_of
from mobiledeploy.records import InputSpec, Preprocessing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.mil.description import Feature
    from mobiledeploy.mil.model import Model
    from mobiledeploy.mil.program import Function
    from mobiledeploy.parity.samples import Sample

__all__ = ["class_labels", "input_spec", "precision_of", "unrounded"]


def input_spec(feature: Feature) -> InputSpec:
    """What a package says itself of an input, at its default shape."""
    shape = feature.default_shape
    if feature.kind != "image":
        return InputSpec(feature.name, shape, dtype=feature.dtype or "float32")
    color = {"RGB": "RGB", "BGR": "BGR"}.get(feature.color or "", "GRAYSCALE")
    channels = 1 if color == "GRAYSCALE" else 3
    known = Preprocessing(mean=(0.0,) * channels, std=(1.0,) * channels, color=color)  # type: ignore[arg-type]
    return InputSpec(feature.name, (1, channels, *shape[:2]), kind="image", preprocessing=known)


def precision_of(model: Model) -> str:
    """What the operators of its programs compute in: "float16", "float32" or "mixed". Casts and constants between them
    compute nothing."""
    kinds = {kind for function in _functions(model) for kind in _working(function)}
    if DataType.FLOAT16 not in kinds:
        return "float32"
    return "mixed" if DataType.FLOAT32 in kinds else "float16"


def _functions(model: Model) -> list[Function]:
    return [program.function for program in model.programs] if isinstance(model, Pipeline) else [model.function]


def _working(function: Function) -> set[DataType | None]:
    working = (o for o in function.block.operations if o.type != "cast" and not is_constant(o))
    return {dtype_of(kind) for operation in working for kind in operation.output_types}


def class_labels(model: Model) -> tuple[str | int, ...]:
    """Of a classifier, in the order of its probabilities; empty for any other model."""
    found = [classifier for function in _functions(model) if (classifier := classifier_of(function)) is not None]
    return found[-1].labels if found else ()


def unrounded(exact: Model, inputs: Sequence[InputSpec], samples: tuple[Sample, ...]) -> Reference:
    """What `exact`, a package loaded in float32, gives: its arrays (floating ones as float32), its pictures (uint8,
    (H, W, 3) or (H, W)), and the probabilities of a classifier as (1, classes) in the order of the labels, under the
    name of its dictionary. A predicted label is left out: it follows from the probabilities.

    Raises what `Model.predict` does.
    """
    labels = class_labels(exact)
    feeds = [{spec.name: sample.arrays[spec.name] for spec in inputs} for sample in samples]
    scalars = {feature.name for feature in exact.outputs if feature.kind == "multiarray" and not feature.shape}
    outputs = [_arrays(exact.predict(given), labels, scalars) for given in feeds]
    return Reference(samples, tuple(outputs))


def _arrays(outputs: Mapping[str, Any], labels: Sequence[str | int], scalars: set[str]) -> dict[str, NDArray[Any]]:
    """A scalar as such: to compare, shape () stands for (1,), too, and not the other way round."""
    found: dict[str, NDArray[Any]] = {}
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            if labels:
                found[name] = np.array([[value.get(label, np.nan) for label in labels]], np.float32)
        elif isinstance(value, Image.Image):
            found[name] = np.asarray(value.convert("RGB") if value.mode == "RGBA" else value)
        elif isinstance(value, np.ndarray):
            array = value.astype(np.float32) if value.dtype.kind == "f" else value
            found[name] = array.reshape(()) if name in scalars and array.shape == (1,) else array
    return found
