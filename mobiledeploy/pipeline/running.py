"""A package executed here, on what it is given."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import InputError, OutputError
from mobiledeploy.parity.archive import write_arrays
from mobiledeploy.pipeline.given_inputs import GivenInputs, feeds
from mobiledeploy.pipeline.output_summary import OutputSummary, best_classes, output_arrays, summary
from mobiledeploy.pipeline.runnable import Runnable, open_runnable
from mobiledeploy.progress import SILENT, Progress

if TYPE_CHECKING:
    from mobiledeploy.pipeline.runnable import Backend, Precision

__all__ = ["RunResult", "run"]


@dataclass(frozen=True)
class RunResult:
    """`outputs`: of the last prediction, by name. `top`: its best classes with their scores, best first; empty where no
    output ranks classes. `times`: of each prediction, wall clock, in seconds; `seconds`: their median."""

    outputs: Mapping[str, OutputSummary]
    top: tuple[tuple[str, float], ...]
    times: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return median(self.times)


def run(
    package: Path,
    given: GivenInputs | None = None,
    *,
    image: Path | None = None,
    function: str | None = None,
    precision: Precision = "declared",
    backend: Backend = "torch",
    repeat: int = 1,
    output: Path | None = None,
    top: int = 5,
    progress: Progress = SILENT,
) -> RunResult:
    """Executes an exported folder, one package of it, or any `.mlpackage` or `.mlmodel`.

    Args:
        given: what it is run on.
        image: one more picture, for the only input that takes one.
        function: which function of a package of several; its default one when None.
        precision: "float32" leaves the rounding to fp16 out.
        backend: "onnxruntime" lowers a Core ML package to ONNX first; it is faster for many predictions.
        repeat: how many predictions to make, on the same inputs; a model that keeps a state keeps one for all of them.
        output: the `.npz` file that gets all outputs of the last one.

    Raises PackageError, UnsupportedError, ImageError, OutputError, and InputError for inputs that do not fit.
    """
    _refuse(output, repeat)
    progress.step(f"Opening {package}")
    runnable = open_runnable(package, function=function, precision=precision, backend=backend)
    values = feeds(runnable.inputs, _with_picture(given or GivenInputs(), image), progress)
    outputs, times = _predictions(runnable, values, repeat, progress)
    if output is not None:
        write_arrays(output, output_arrays(outputs))
    summaries = {name: summary(value) for name, value in outputs.items()}
    return RunResult(summaries, best_classes(outputs, runnable.labels, top), times)


def _predictions(
    runnable: Runnable, values: Mapping[str, Any], repeat: int, progress: Progress
) -> tuple[Mapping[str, Any], tuple[float, ...]]:
    times: list[float] = []
    outputs: Mapping[str, Any] = {}
    for index in range(repeat):
        count = f" ({index + 1} of {repeat})" if repeat > 1 else ""
        progress.step(f"Executing {runnable.path.name}{count}")
        start = time.monotonic()
        outputs = runnable.predict(values)
        times.append(time.monotonic() - start)
    return outputs, tuple(times)


def _with_picture(given: GivenInputs, image: Path | None) -> GivenInputs:
    return given if image is None else replace(given, images=(*given.images, (None, image)))


def _refuse(output: Path | None, repeat: int) -> None:
    """Before the work, not after it."""
    if repeat < 1:
        raise InputError(f"{repeat} predictions cannot be made", where="--repeat", remedy="Give 1 or more.")
    if output is None:
        return
    if output.suffix != ".npz":
        raise OutputError(
            f"{output.name} does not end in .npz", where="--output", remedy="Name a file such as outputs.npz."
        )
    folder = output.parent
    if not folder.is_dir() or output.is_dir() or not os.access(output if output.exists() else folder, os.W_OK):
        raise OutputError(
            f"cannot write {output}", where="--output", remedy="Name a file in a folder that can be written."
        )
