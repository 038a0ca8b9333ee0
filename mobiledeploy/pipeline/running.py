"""A package executed here, on one picture."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy import mil
from mobiledeploy.artifact import MANIFEST, open_artifact
from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.parity.crop import centre_crop
from mobiledeploy.parity.photographs import read_picture
from mobiledeploy.parity.pixels import image_array, is_picture, tensor_array
from mobiledeploy.parity.ranking import is_ranking
from mobiledeploy.parity.runners.classifier import package_classifier
from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PROBABILITIES
from mobiledeploy.parity.runners.table import runner_named
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import InputSpec, Preprocessing
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.targets.table import TARGETS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["RunResult", "run"]


@dataclass(frozen=True)
class RunResult:
    """`outputs`: shapes by name. `top`: the best classes with their scores, best first; empty where no output ranks
    classes. `seconds`: of the one prediction, wall clock."""

    outputs: Mapping[str, tuple[int, ...]]
    top: tuple[tuple[str, float], ...]
    seconds: float


@dataclass(frozen=True)
class _Runnable:
    """A package with what it takes. `labels`: class names, empty where nobody knows any."""

    path: Path
    inputs: tuple[InputSpec, ...]
    runner: str
    labels: tuple[str, ...]


def run(package: Path, *, image: Path, top: int = 5, progress: Progress = SILENT) -> RunResult:
    """Executes an exported folder, one package of it, or any `.mlpackage` with one image input, on the picture `image`,
    cropped as the model expects.

    Raises PackageError, ImageError, and InputError where the model takes anything but one picture.
    """
    picture = read_picture(image)
    progress.step(f"Opening {package}")
    runnable = _runnable(package)
    if len(runnable.inputs) != 1 or not is_picture(runnable.inputs[0]):
        takes = ", ".join(f"{spec.name} {'x'.join(map(str, spec.shape))}" for spec in runnable.inputs)
        raise InputError(f"{package.name} takes {takes}, not one picture", remedy="Only models of pictures can be run.")
    (spec,) = runnable.inputs
    predict = runner_named(runnable.runner).open(runnable.path, runnable.inputs)
    progress.step(f"Executing {runnable.path.name}")
    arrays = {spec.name: _pixels(spec, picture)}
    start = time.monotonic()
    outputs = predict(arrays)
    seconds = time.monotonic() - start
    tensors = {name: value for name, value in outputs.items() if " " not in name}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    return RunResult(shapes, _best(outputs, runnable.labels, top), seconds)


def _runnable(path: Path) -> _Runnable:
    try:
        opened = open_artifact(path)
    except PackageError:
        # A package of ours that is not what was exported must not pass for somebody else's.
        if path.suffix != ".mlpackage" or not path.is_dir() or (path.parent / MANIFEST).exists():
            raise
        return _foreign(path)
    named = [target for target in opened.targets if target.resolve() == path.resolve()]
    chosen = (named or list(opened.targets))[0]
    target = next((target for target in TARGETS if target.suffix == chosen.suffix), None)
    if target is None:
        raise PackageError(f"nothing here executes {chosen.name}", where=str(chosen), remedy="Export the model again.")
    labels = _package_labels(chosen)
    if not labels and opened.manifest.options.labels == "imagenet":
        labels = read_labels("imagenet")
    return _Runnable(chosen, opened.manifest.inputs, target.runner, labels)


def _foreign(path: Path) -> _Runnable:
    """A package that no export of ours made: it says itself what it takes."""
    specs = []
    for feature in mil.load(path).inputs:
        if feature.kind == "image":
            color = {"RGB": "RGB", "BGR": "BGR"}.get(feature.color or "", "GRAYSCALE")
            channels = 1 if color == "GRAYSCALE" else 3
            known = Preprocessing(mean=(0.0,) * channels, std=(1.0,) * channels, color=color)  # type: ignore[arg-type]
            specs.append(InputSpec(feature.name, (1, channels, *feature.shape[:2]), kind="image", preprocessing=known))
        else:
            specs.append(InputSpec(feature.name, feature.shape, dtype=feature.dtype or "float32"))
    return _Runnable(path, tuple(specs), "mil", _package_labels(path))


def _package_labels(path: Path) -> tuple[str, ...]:
    classifier = package_classifier(path) if path.suffix == ".mlpackage" else None
    return () if classifier is None else tuple(str(label) for label in classifier.labels)


def _pixels(spec: InputSpec, picture: Image.Image) -> NDArray[np.generic]:
    known = spec.preprocessing or Preprocessing(mean=(), std=())
    height, width = spec.shape[-2:]
    cropped = centre_crop(picture, height, width, crop=known.crop, interpolation=known.interpolation)
    return image_array(spec, cropped) if spec.kind == "image" else tensor_array(spec, (cropped,) * spec.shape[0])


def _best(
    outputs: Mapping[str, NDArray[np.generic]], labels: tuple[str, ...], top: int
) -> tuple[tuple[str, float], ...]:
    """Of the probabilities where the package gives them, else of its first output that ranks classes."""
    classes, scores = _scores(outputs)
    known = len(labels) > int(classes.max(initial=-1))
    best = np.argsort(-scores, kind="stable")[:top]
    return tuple((labels[classes[i]] if known else f"class {classes[i]}", float(scores[i])) for i in best)


def _scores(outputs: Mapping[str, NDArray[np.generic]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Class indices and their scores; both empty where no output ranks classes."""
    if PROBABILITIES in outputs and DISTINCT_CLASSES in outputs:
        return outputs[DISTINCT_CLASSES].astype(np.int64), outputs[PROBABILITIES][0].astype(np.float64)
    rankings = {name: value for name, value in outputs.items() if is_ranking(value)}
    if not rankings:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    scores = rankings.get("probabilities", next(iter(rankings.values())))[0].astype(np.float64)
    return np.arange(len(scores), dtype=np.int64), scores
