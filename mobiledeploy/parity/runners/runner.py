"""What every runner is: a way to open an artifact as a function from a sample's arrays to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from mobiledeploy.records import InputSpec

__all__ = ["DISTINCT_CLASSES", "PREDICTED_CLASS", "PROBABILITIES", "Predict", "Runner"]

Predict = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]
"""A sample's arrays by input name, to the artifact's outputs by name: float32 where they are floating."""

PREDICTED_CLASS = "predicted class"
"""Under this key a classifier's runner gives the indices (int64, any number) of the classes that bear the predicted
label: several where labels repeat, as ImageNet's "crane" does. No tensor's name has a blank."""

PROBABILITIES = "class probabilities"
DISTINCT_CLASSES = "distinct classes"
"""Under these keys it gives the dictionary of probabilities as float32 (1, M), and the indices (int64, M) of the
classes that they are of: those whose label is theirs alone."""


class Runner(Protocol):
    """`name` is what `--runner` takes and a report says, `suffix` what the artifacts it executes end in."""

    name: str
    suffix: str

    def open(self, path: Path, inputs: tuple[InputSpec, ...], function: str | None = None) -> Predict:
        """Loads the artifact at `path`, once, for any number of predictions. `function`: which one of a package of
        several, its default one when None.

        Raises PackageError if it cannot be read, HostError if this machine cannot run it, UnsupportedError if it holds
        what the runner does not know.
        """
