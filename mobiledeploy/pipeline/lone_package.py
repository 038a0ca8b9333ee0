"""A package without its original, examined: its program as declared next to the same without rounding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.mil.loading import load
from mobiledeploy.parity.blend import blend_of, widened
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.parity.check import standard_for
from mobiledeploy.parity.reference import Reference
from mobiledeploy.parity.runners.classifier import classifier_of, output_arrays
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.parity.trial import Trial, feeds_of
from mobiledeploy.parity.unrounded import input_spec, precision_of
from mobiledeploy.pipeline.diverging import with_divergence
from mobiledeploy.pipeline.examining import Subject, examine
from mobiledeploy.pipeline.mixing import MARGIN_DB

if TYPE_CHECKING:
    from mobiledeploy.mil.model import Model
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import Diagnosis, InputSpec

__all__ = ["examine_alone"]


def examine_alone(
    package: Path,
    note: str,
    *,
    inputs: tuple[InputSpec, ...] | None = None,
    reference: Reference | None = None,
    bar_db: float | None = None,
    images: Path | None = None,
    progress: Progress,
) -> Diagnosis:
    """`inputs`: as its export knows them, None for a foreign package, which says itself what it takes. `reference`:
    what the original gave, None where nobody knows: then it is what the package gives in float32. `note`: why there is
    no more.

    Raises UnsupportedError for a program that keeps a state, and whatever executing the package raises.
    """
    model = load(package)
    if model.states:
        raise UnsupportedError(
            "a program that keeps a state cannot be diagnosed", where=str(package), remedy="Give one without a state."
        )
    specs = inputs or tuple(map(input_spec, model.inputs))
    progress.step(f"Executing {package.name}")
    against = reference or _unrounded(load(package, precision="float32"), specs, parity_samples(specs, images=images))
    precision = precision_of(model)
    report = check_parity(package, against, specs, runner="mil", precision=precision, bar_db=bar_db)
    report = with_divergence(report, package, against)
    blend = blend_of(model.function, widened(model.function))
    trial = Trial(blend, model, specs, against, standard_for(specs, precision, report.bar_db + MARGIN_DB))
    return examine(Subject(str(package), package, report, trial, report, None, note), progress)


def _unrounded(exact: Model, inputs: Sequence[InputSpec], samples: tuple[Sample, ...]) -> Reference:
    """What the program gives in float32. Under a key with a blank stands what is no tensor."""
    classifier = classifier_of(exact.function)
    outputs = [output_arrays(exact.predict(feeds_of(inputs, sample)), classifier) for sample in samples]
    tensors = [{name: value for name, value in found.items() if " " not in name} for found in outputs]
    return Reference(samples, tuple(tensors))
