"""The outputs of a Core ML classifier as arrays: a predicted label becomes the classes that bear it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PREDICTED_CLASS, PROBABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.mil.program import Function
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_model, read_program

__all__ = ["Classifier", "classifier_of", "output_arrays", "package_classifier"]

Label = str | int


@dataclass(frozen=True)
class Classifier:
    """`output`: the name of the label output. `labels`: of the classes, in their order."""

    output: str
    labels: tuple[Label, ...]


def package_classifier(path: Path) -> Classifier | None:
    """What the `.mlpackage` at `path` declares, without binding its operators. Raises PackageError."""
    package = open_package(path)
    program = read_program(parse_model(package.read_model(), str(path)).mlProgram, package)
    return next((found for function in program.functions.values() if (found := classifier_of(function))), None)


def classifier_of(function: Function) -> Classifier | None:
    """What a program's `classify` operator declares; None if it has none."""
    for operation in function.block.operations:
        if operation.type == "classify":
            labels: Any = operation.attributes["classes"].data
            return Classifier(operation.outputs[0], tuple(_label(label) for label in labels))
    return None


def _label(value: Any) -> Label:
    return value if isinstance(value, str) else int(value)


def output_arrays(outputs: Mapping[str, Any], classifier: Classifier | None) -> dict[str, NDArray[Any]]:
    """What `predict` gave, as arrays, floating ones as float32; of a classifier the predicted class and the
    probabilities under the keys of `runner`."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in outputs.items():
        if classifier is not None and name == classifier.output:
            bearers = [index for index, label in enumerate(classifier.labels) if label == value]
            arrays[PREDICTED_CLASS] = np.array(bearers, dtype=np.int64)
        elif classifier is not None and isinstance(value, Mapping):
            arrays |= _probabilities(value, classifier.labels)
        else:
            array = np.asarray(value)
            arrays[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    return arrays


def _probabilities(by_label: Mapping[Label, float], labels: tuple[Label, ...]) -> dict[str, NDArray[Any]]:
    """A dictionary holds one number for all classes of one label: only those with a label of their own compare."""
    counts = Counter(labels)
    distinct = [index for index, label in enumerate(labels) if counts[label] == 1]
    values = [by_label.get(labels[index], np.nan) for index in distinct]
    return {
        DISTINCT_CLASSES: np.array(distinct, dtype=np.int64),
        PROBABILITIES: np.array([values], dtype=np.float32),
    }
