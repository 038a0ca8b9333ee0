"""From what the user typed to a rewritten graph, with what the original model gives on the samples.

resolve ──▶ prepare ──▶ capture ──▶ approximations, if asked for ──▶ rewrite
               └──▶ reference outputs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.errors import CaptureError, InputError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.feeds import program_feed
from mobiledeploy.parity.samples import Sample, parity_samples
from mobiledeploy.pipeline.approximating import approximated_reference, check_drift, rewrite_model
from mobiledeploy.pipeline.original import original_runner
from mobiledeploy.sources.resolve import resolve

if TYPE_CHECKING:
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.records import ExportOptions, InputSpec, SourceRecord
    from mobiledeploy.rewrite.engine import Rewritten
    from mobiledeploy.rewrite.proof import Outputs
    from mobiledeploy.rewrite.rule import Rule

__all__ = ["Captured", "capture_model", "sample_feeds", "typed_input"]

# The captured graph in float64 against the module in float32: rounding leaves 1e-6; a graph that froze a random number
# or a training-time statistic is off by far more.
_CAPTURE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Captured:
    """A model on its way: everything that the targets and the manifest need."""

    source: SourceRecord
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    capture: str
    rewritten: Rewritten
    reference: Reference
    activation_errors: Mapping[str, float] = field(default_factory=dict)


def capture_model(
    model: str,
    *,
    options: ExportOptions,
    rules: Sequence[Rule],
    labels: tuple[str, ...] | None,
    images: Path | None,
    stages: Stages,
) -> Captured:
    with stages("source", f"Loading {model}"):
        source = resolve(
            model,
            weights=options.weights,
            resolution=options.resolution,
            seed=options.seed,
            progress=stages.progress,
        )
        inputs = tuple(typed_input(spec, options.input_type) for spec in source.inputs)
        prepared = prepare(source.module, inputs, labels, options.output_names)
    with stages("reference", "Running the original model"):
        samples = parity_samples(inputs, images=images, seed=options.seed)
        reference = references.record_reference(original_runner(prepared), inputs, prepared.output_names, samples)
    with stages("capture", "Capturing the graph"):
        program = capture(prepared, inputs)
    with stages("rewrite", "Rewriting, with proof in float64"):
        feeds = sample_feeds(inputs, samples)
        made = rewrite_model(program, options, rules, feeds, stages.progress)
        _check_capture(made.captured, reference, prepared.output_names)
        if options.substitute:
            reference = approximated_reference(reference, prepared.output_names, made.rewritten.outputs)
            check_drift(reference, options.min_drift_psnr)
    return Captured(
        source.record,
        inputs,
        prepared.output_names,
        program.capture,
        made.rewritten,
        reference,
        made.activation_errors,
    )


def typed_input(spec: InputSpec, wanted: str | None) -> InputSpec:
    """An image where the source knows how pictures are prepared, unless the user says otherwise."""
    if wanted == "image" and spec.preprocessing is None:
        raise InputError(
            f"nobody knows how `{spec.name}` is prepared from a picture",
            where="--input-type image",
            remedy="Use --input-type tensor, or give the model a `pretrained_cfg` with mean and std.",
        )
    if wanted is None:
        return replace(spec, kind="tensor" if spec.preprocessing is None else "image")
    return replace(spec, kind="image" if wanted == "image" else "tensor")


def sample_feeds(inputs: tuple[InputSpec, ...], samples: Sequence[Sample]) -> list[list[torch.Tensor]]:
    """Per sample one tensor per input, as the captured graph takes it."""
    return [[torch.from_numpy(np.array(program_feed(s, sample.arrays[s.name]))) for s in inputs] for sample in samples]


def _check_capture(captured: Outputs, reference: Reference, names: tuple[str, ...]) -> None:
    for outputs, expected in zip(captured, reference.outputs, strict=True):
        for name, value in zip(names, outputs, strict=True):
            original = np.asarray(expected[name], np.float64)
            peak = max(float(np.abs(original).max(initial=0.0)), 1e-30)
            if not float(np.abs(value.numpy() - original).max(initial=0.0)) <= _CAPTURE_TOLERANCE * peak:
                raise CaptureError(
                    f"the captured graph does not compute output `{name}` as the model does",
                    remedy="Does its forward() draw random numbers or keep state? Make it a function of its inputs.",
                )
