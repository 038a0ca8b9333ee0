"""A package that can be executed here: what it takes, and the function that executes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy import mil
from mobiledeploy.artifact import MANIFEST, open_artifact
from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.mil.description import Feature
from mobiledeploy.mil.loading import Backend, Precision
from mobiledeploy.parity.runners.table import runner_named
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.targets.table import TARGETS

if TYPE_CHECKING:
    from mobiledeploy.records import InputSpec

__all__ = ["Backend", "Precision", "RunInput", "Runnable", "open_runnable"]

_CORE_ML = (".mlpackage", ".mlmodel", ".mlmodelc", ".zip")


@dataclass(frozen=True)
class RunInput:
    """`feature`: what the package says of the input. `spec`: what its export knows of it, None for a foreign one."""

    feature: Feature
    spec: InputSpec | None = None

    @property
    def takes_picture(self) -> bool:
        """An image; or an array (N, C, H, W) of floats, which of a foreign package must have one channel or three."""
        feature = self.feature
        if feature.kind != "multiarray" or len(feature.shape) != 4:
            return feature.kind == "image"
        return str(feature.dtype).startswith("float") and (self.spec is not None or feature.shape[1] in (1, 3))

    def __str__(self) -> str:
        shape = "x".join(map(str, self.feature.shape))
        kind = "image" if self.feature.kind == "image" else self.feature.dtype or self.feature.kind
        return f"{self.feature.name} ({kind} {shape})" if shape else f"{self.feature.name} ({kind})"


@dataclass(frozen=True)
class Runnable:
    """`predict`: from what each input takes to the outputs, by name; what a model keeps between predictions it keeps
    here. `labels`: names of the classes, empty where nobody knows any."""

    path: Path
    inputs: tuple[RunInput, ...]
    predict: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    labels: tuple[str, ...] = ()


def open_runnable(
    path: Path,
    *,
    function: str | None = None,
    precision: Precision = "declared",
    backend: Backend = "torch",
) -> Runnable:
    """An exported folder (its first package), one package of it, or a foreign `.mlpackage` or `.mlmodel`; the arguments
    are those of `mil.load`.

    Raises PackageError if there is none or it is damaged, UnsupportedError for a format or operator that nothing here
    executes, InputError for a function that it does not have.
    """
    if _is_foreign(path):
        return _core_ml(path, mil.load(path, function, precision=precision, backend=backend))
    opened = open_artifact(path)
    named = [target for target in opened.targets if target.resolve() == path.resolve()]
    chosen = (named or list(opened.targets))[0]
    specs = {spec.name: spec for spec in opened.manifest.inputs}
    labels = read_labels("imagenet") if opened.manifest.options.labels == "imagenet" else ()
    if chosen.suffix == ".mlpackage":
        return _core_ml(chosen, mil.load(chosen, function, precision=precision, backend=backend), specs, labels)
    target = next((target for target in TARGETS if target.suffix == chosen.suffix), None)
    if target is None:
        raise PackageError(f"nothing here executes {chosen.name}", where=str(chosen), remedy="Export the model again.")
    _refuse_core_ml_options(chosen, function, precision)
    return _by_runner(chosen, opened.manifest.inputs, target.runner, labels)


def _is_foreign(path: Path) -> bool:
    """Whether no export of ours made it. A package of ours that is not what was exported must not pass for one."""
    if (path.parent / MANIFEST).exists() and path.suffix in (".mlpackage", ".onnx"):
        return False
    if path.is_dir():
        around = not (path / MANIFEST).exists() and any(path.glob("*.mlpackage"))
        return path.suffix in _CORE_ML or (path / "Data").is_dir() or around
    return path.is_file() and path.suffix in _CORE_ML


def _core_ml(
    path: Path, model: mil.Model, specs: Mapping[str, InputSpec] | None = None, labels: tuple[str, ...] = ()
) -> Runnable:
    state = model.make_state() if model.states else None
    inputs = tuple(RunInput(feature, (specs or {}).get(feature.name)) for feature in model.inputs)
    return Runnable(path, inputs, lambda feeds: model.predict(feeds, state), labels)


def _by_runner(path: Path, specs: tuple[InputSpec, ...], runner: str, labels: tuple[str, ...]) -> Runnable:
    execute = runner_named(runner).open(path, specs)
    inputs = tuple(RunInput(_feature(spec), spec) for spec in specs)

    def predict(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        arrays = {name: np.asarray(value) for name, value in feeds.items()}
        for given in inputs:
            given.feature.check_shape(arrays[given.feature.name].shape)
        return execute(arrays)

    return Runnable(path, inputs, predict, labels)


def _feature(spec: InputSpec) -> Feature:
    if spec.kind == "tensor":
        return Feature(spec.name, "multiarray", spec.shape, spec.dtype)
    gray = spec.shape[1] == 1
    shape = spec.shape[2:] if gray else (*spec.shape[2:], 3)
    return Feature(spec.name, "image", shape, "uint8", "GRAYSCALE" if gray else "RGB")


def _refuse_core_ml_options(path: Path, function: str | None, precision: Precision) -> None:
    if function is not None:
        raise InputError(f"{path.name} has no functions", where="--function", remedy="Only Core ML packages have any.")
    if precision != "declared":
        raise InputError(
            f"{path.name} runs in the types that it declares", where="--precision", remedy="Leave the option away."
        )
