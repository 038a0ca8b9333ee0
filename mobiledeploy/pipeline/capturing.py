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
    from mobiledeploy.aten.prepare import PreparedModule
    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.records import ExportOptions, InputSpec, SourceRecord
    from mobiledeploy.rewrite.engine import Rewritten
    from mobiledeploy.rewrite.proof import Outputs
    from mobiledeploy.rewrite.rule import Rule
    from mobiledeploy.sources.source import ModelSource

__all__ = [
    "Captured",
    "Traced",
    "capture_model",
    "load_model",
    "rewrite_traced",
    "sample_feeds",
    "trace_model",
    "typed_input",
]

# The captured graph in float64 against the module in float32: rounding leaves 1e-6; a graph that froze a random number
# or a training-time statistic is off by far more.
_CAPTURE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Traced:
    """A model with its captured graph, not rewritten yet, and what it gives on the samples."""

    source: SourceRecord
    inputs: tuple[InputSpec, ...]
    prepared: PreparedModule
    program: Program
    reference: Reference


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
    source = load_model(model, options=options, stages=stages)
    traced = trace_model(source, options=options, labels=labels, images=images, stages=stages)
    return rewrite_traced(traced, options=options, rules=rules, stages=stages)


def load_model(model: str, *, options: ExportOptions, stages: Stages) -> ModelSource:
    with stages("source", f"Loading {model}"):
        return resolve(
            model,
            weights=options.weights,
            resolution=options.resolution,
            seed=options.seed,
            progress=stages.progress,
        )


def trace_model(
    source: ModelSource,
    *,
    options: ExportOptions,
    labels: tuple[str, ...] | None,
    images: Path | None,
    stages: Stages,
    prefix: str = "",
) -> Traced:
    """`prefix`: of the samples' names."""
    inputs = tuple(typed_input(spec, options.input_type) for spec in source.inputs)
    prepared = prepare(source.module, inputs, labels, options.output_names)
    with stages("reference", "Running the original model"):
        found = parity_samples(inputs, images=images, seed=options.seed)
        samples = tuple(replace(sample, name=f"{prefix}{sample.name}") for sample in found)
        reference = references.record_reference(original_runner(prepared), inputs, prepared.output_names, samples)
    with stages("capture", "Capturing the graph"):
        program = capture(prepared, inputs)
    return Traced(source.record, inputs, prepared, program, reference)


def rewrite_traced(traced: Traced, *, options: ExportOptions, rules: Sequence[Rule], stages: Stages) -> Captured:
    reference, names = traced.reference, traced.prepared.output_names
    with stages("rewrite", "Rewriting, with proof in float64"):
        feeds = sample_feeds(traced.inputs, reference.samples)
        made = rewrite_model(traced.program, options, rules, feeds, stages.progress)
        _check_capture(made.captured, reference, names)
        if options.substitute:
            reference = approximated_reference(reference, names, made.rewritten.outputs)
            check_drift(reference, options.min_drift_psnr)
    return Captured(
        traced.source,
        traced.inputs,
        names,
        traced.program.capture,
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
