"""A Core ML package, executed by Core ML itself: macOS only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import HostError, PackageError
from mobiledeploy.parity.feeds import picture_feed
from mobiledeploy.parity.runners.classifier import output_arrays, package_classifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.parity.runners.runner import Predict
    from mobiledeploy.records import InputSpec

__all__ = ["CoreMLRunner"]


class CoreMLRunner:
    """On all compute units, which is what an app gets unless it asks for less."""

    name = "coreml"
    suffix = ".mlpackage"

    def open(self, path: Path, inputs: tuple[InputSpec, ...], function: str | None = None) -> Predict:
        if sys.platform != "darwin":
            raise HostError(
                "Core ML runs on macOS only",
                remedy="Use --runner mil, which executes the package on any system, or repeat this on a Mac.",
            )
        import coremltools

        classifier = package_classifier(path)
        try:
            model = coremltools.models.MLModel(
                str(path), compute_units=coremltools.ComputeUnit.ALL, function_name=function
            )
        except Exception as error:  # coremltools passes on whatever the framework raised
            raise PackageError(f"Core ML cannot load {path.name}: {error}", where=str(path)) from error

        def predict(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            feeds = {spec.name: picture_feed(spec, arrays[spec.name]) for spec in inputs}
            try:
                return output_arrays(model.predict(feeds), classifier)
            except RuntimeError as error:
                remedy = "Does `mobiledeploy check --runner mil` pass? Then it is Core ML's refusal of this Mac."
                raise HostError(f"Core ML cannot predict: {error}", where=str(path), remedy=remedy) from error

        return predict
