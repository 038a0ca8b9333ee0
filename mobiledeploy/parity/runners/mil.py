"""A Core ML package, executed by our own ML Program executor: any system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.mil.loading import load
from mobiledeploy.parity.feeds import picture_feed
from mobiledeploy.parity.runners.classifier import classifier_of, output_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.parity.runners.runner import Predict
    from mobiledeploy.records import InputSpec

__all__ = ["MilRunner"]


class MilRunner:
    """Every value is held in its declared type: an fp16 program rounds after each of its operators."""

    name = "mil"
    suffix = ".mlpackage"

    def open(self, path: Path, inputs: tuple[InputSpec, ...], function: str | None = None) -> Predict:
        model = load(path, function)
        classifier = classifier_of(model.function)

        def predict(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            feeds = {spec.name: picture_feed(spec, arrays[spec.name]) for spec in inputs}
            return output_arrays(model.predict(feeds), classifier)

        return predict
