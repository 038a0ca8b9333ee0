"""The outputs of a Core ML classifier as arrays: the predicted label becomes the classes that bear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_model, read_program
from mobiledeploy.parity.runners.runner import PREDICTED_CLASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Classifier", "output_arrays", "package_classifier"]


@dataclass(frozen=True)
class Classifier:
    """`output`: the name of the label output. `labels`: the classes in order, text or integers."""

    output: str
    labels: tuple[str | int, ...]


def package_classifier(path: Path) -> Classifier | None:
    """The classifier that the package at `path` declares, None if it declares none. Raises PackageError."""
    package = open_package(path)
    model = parse_model(package.read_model(), str(path))
    output = str(model.description.predictedFeatureName)
    if not output:
        return None
    main = read_program(model.mlProgram, package).functions["main"]
    classify = next(operation for operation in main.block.operations if operation.type == "classify")
    labels: Any = classify.attributes["classes"].data
    return Classifier(output, tuple(label if isinstance(label, str) else int(label) for label in labels))


def output_arrays(outputs: Mapping[str, Any], classifier: Classifier | None) -> dict[str, NDArray[Any]]:
    """The tensors among `outputs`, floating ones as float32, and the predicted class. The dictionary of probabilities
    is left out: it says what the tensor says, and forgets classes whose labels repeat."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in outputs.items():
        if classifier is not None and name == classifier.output:
            bearers = [index for index, label in enumerate(classifier.labels) if label == value]
            arrays[PREDICTED_CLASS] = np.array(bearers, dtype=np.int64)
        elif not isinstance(value, Mapping | str):
            array = np.asarray(value)
            arrays[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    return arrays
