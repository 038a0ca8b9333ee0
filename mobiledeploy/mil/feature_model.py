"""The simple models that pipelines hold next to programs: functions of features, without an operator.

Sources of the formulas: `Scaler.proto`, `Normalizer.proto`, `ArrayFeatureExtractor.proto`, `FeatureVectorizer.proto`,
`Identity.proto` and `NonMaximumSuppression.proto` of the coremltools repository.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.errors import InputError, MobileDeployError, PackageError
from mobiledeploy.mil.detections import read_suppression

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Feature, Interface
    from mobiledeploy.mil.executor import Listener
    from mobiledeploy.mil.state import State

__all__ = ["FEATURE_MODELS", "FeatureModel", "read_feature_model"]

Function = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_DAMAGED = "Export or download the package again."


@dataclass(frozen=True)
class FeatureModel:
    """`run`: from the features given to those computed, by name."""

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    run: Function

    def predict(
        self, inputs: Mapping[str, Any], _state: State | None = None, _listener: Listener | None = None, /
    ) -> dict[str, Any]:
        """As `Model.predict`; it has neither state nor operators. Raises InputError for features that do not fit."""
        missing = [feature.name for feature in self.inputs if feature.name not in inputs and not feature.optional]
        if missing:
            raise InputError(f"input {missing[0]!r} is missing", remedy="Give it to predict.")
        try:
            outputs = self.run(inputs)
            unknown = [feature.name for feature in self.outputs if feature.name not in outputs]
            if unknown:
                raise PackageError(f"the model gives no output {unknown[0]!r:.80}", remedy=_DAMAGED)
            return {feature.name: _declared(feature, outputs[feature.name]) for feature in self.outputs}
        except MobileDeployError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise InputError(
                f"the features do not fit: {type(error).__name__}: {error}", remedy="See the model's description."
            ) from error


def _declared(feature: Feature, value: Any) -> Any:
    """An array in its declared type, a number as Python's."""
    if feature.kind == "double":
        return float(np.asarray(value).reshape(()))
    if feature.kind == "int64":
        return int(np.asarray(value).reshape(()))
    if feature.kind == "multiarray" and isinstance(value, np.ndarray):
        # as everywhere: fp16 is given as float32
        return value.astype({"float16": "float32", None: "float64"}.get(feature.dtype, feature.dtype), copy=False)
    return value


def _identity(_message: Any, interface: Interface) -> Function:
    pairs = list(zip(_names(interface.inputs), _names(interface.outputs), strict=True))
    return lambda features: {result: features[source] for source, result in pairs}


def _scaler(message: Any, interface: Interface) -> Function:
    """scale (x + shift), each a number for all elements or one per element; 1 and 0 where they are not given."""
    source, result = _one(interface)
    shift = np.array(message.shiftValue or [0.0])
    scale = np.array(message.scaleValue or [1.0])

    def run(features: Mapping[str, Any]) -> dict[str, Any]:
        x = np.asarray(features[source], np.float64)
        wide = [values if values.size == 1 else values.reshape(x.shape) for values in (shift, scale)]
        return {result: (x + wide[0]) * wide[1]}

    return run


def _normalizer(message: Any, interface: Interface) -> Function:
    """x / norm, by `normType`: the largest magnitude, the sum of magnitudes, or the root of the sum of squares.
    An array of zeros stays as it is."""
    source, result = _one(interface)
    norms: Mapping[int, Callable[[Any], Any]] = {
        0: lambda x: np.abs(x).max(initial=0.0),
        1: lambda x: np.abs(x).sum(),
        2: lambda x: np.sqrt((x * x).sum()),
    }
    if message.normType not in norms:
        raise PackageError(f"norm {message.normType} is not known", remedy=_DAMAGED)
    norm = norms[message.normType]

    def run(features: Mapping[str, Any]) -> dict[str, Any]:
        x = np.asarray(features[source], np.float64)
        return {result: x / (norm(x) or 1.0)}

    return run


def _array_feature_extractor(message: Any, interface: Interface) -> Function:
    """The elements at the indices, from zero, of the flat array."""
    source, result = _one(interface)
    indices = np.array(message.extractIndex, np.uint64)
    return lambda features: {result: np.asarray(features[source]).reshape(-1)[indices]}


def _feature_vectorizer(message: Any, interface: Interface) -> Function:
    """The numbers and arrays of the columns one after the other, as doubles."""
    (result,) = _names(interface.outputs)
    columns = [(column.inputColumn, column.inputDimensions) for column in message.inputList]

    def run(features: Mapping[str, Any]) -> dict[str, Any]:
        parts = [np.asarray(features[name], np.float64).reshape(-1) for name, _ in columns]
        for part, (name, size) in zip(parts, columns, strict=True):
            if part.size != size:
                raise InputError(
                    f"input {name!r} has {part.size} elements, expected {size}", remedy="See the model's description."
                )
        return {result: np.concatenate(parts)}

    return run


def _non_maximum_suppression(message: Any, interface: Interface) -> Function:
    return read_suppression(message, interface.outputs)


FEATURE_MODELS: Mapping[str, Callable[[Any, Interface], Function]] = {
    "arrayFeatureExtractor": _array_feature_extractor,
    "featureVectorizer": _feature_vectorizer,
    "identity": _identity,
    "nonMaximumSuppression": _non_maximum_suppression,
    "normalizer": _normalizer,
    "scaler": _scaler,
}
"""By the name of the type in Model.proto."""


def read_feature_model(kind: str, message: Any, interface: Interface) -> FeatureModel:
    """The model of a type in `FEATURE_MODELS`, from its message. Raises PackageError where its description does not
    fit."""
    try:
        run = FEATURE_MODELS[kind](message, interface)
    except ValueError:
        raise PackageError("its description does not fit the model", where=kind, remedy=_DAMAGED) from None
    return FeatureModel(interface.inputs, interface.outputs, run)


def _names(features: tuple[Feature, ...]) -> list[str]:
    return [feature.name for feature in features]


def _one(interface: Interface) -> tuple[str, str]:
    """The names of the only input and the only output. Raises ValueError."""
    (source,), (result,) = _names(interface.inputs), _names(interface.outputs)
    return source, result
