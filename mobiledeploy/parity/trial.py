"""Mixtures of a program's two precisions, executed and held against the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mobiledeploy.mil.description import Interface
from mobiledeploy.mil.model import Model
from mobiledeploy.parity.blending import blended
from mobiledeploy.parity.comparison import compare_outputs
from mobiledeploy.parity.feeds import picture_feed, program_feed
from mobiledeploy.parity.noise import Rounding, roundings
from mobiledeploy.parity.runners.classifier import classifier_of, output_arrays
from mobiledeploy.parity.sensitivity import Verdict

if TYPE_CHECKING:
    from mobiledeploy.mil.program import Function
    from mobiledeploy.parity.blend import Blend
    from mobiledeploy.parity.comparison import Standard
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.records import InputSpec

__all__ = ["Trial", "executable", "feeds_of"]


@dataclass(frozen=True, eq=False)
class Trial:
    """`model`: one that takes and gives what the blend's programs do. `inputs`: how its samples are fed."""

    blend: Blend
    model: Model
    inputs: tuple[InputSpec, ...]
    reference: Reference
    standard: Standard

    @property
    def exact(self) -> Model:
        """The program with everything in float32."""
        return executable(self.blend.full.function, self.model)

    def worst_sample(self) -> Sample:
        """The sample on which the program comes off worst with everything in float16."""
        mixture = executable(blended(self.blend, ()), self.model)
        found = [self._compared(mixture, index) for index in range(len(self.reference.samples))]
        worst = min(range(len(found)), key=lambda index: (found[index].passed, found[index].psnr_db))
        return self.reference.samples[worst]

    def judge(self, kept: frozenset[str], *, first: str | None = None) -> Verdict:
        """Executes the program with `kept` in float32 on every sample, `first` before the others, up to the first that
        fails."""
        mixture = executable(blended(self.blend, kept), self.model)
        samples = self.reference.samples
        worst = math.inf
        for index in sorted(range(len(samples)), key=lambda i: samples[i].name != first):
            found = self._compared(mixture, index)
            worst = min(worst, found.psnr_db)
            if not found.passed:
                return Verdict(False, worst)
        return Verdict(True, worst)

    def roundings(self, sample: Sample) -> tuple[Rounding, ...]:
        """How much each rounding to float16 costs on this sample."""
        tensors = [torch.from_numpy(np.array(program_feed(spec, sample.arrays[spec.name]))) for spec in self.inputs]
        return roundings(self.blend, tensors, [spec.name for spec in self.inputs])

    def _compared(self, model: Model, index: int) -> Verdict:
        sample = self.reference.samples[index]
        found = output_arrays(model.predict(feeds_of(self.inputs, sample)), classifier_of(model.function))
        compared = compare_outputs(sample.name, self.reference.outputs[index], found, self.standard)
        passed = all(output.passed for output in compared)
        return Verdict(passed, min((output.psnr_db for output in compared), default=math.inf))


def feeds_of(inputs: Sequence[InputSpec], sample: Sample) -> dict[str, object]:
    """A sample as a package takes it."""
    return {spec.name: picture_feed(spec, sample.arrays[spec.name]) for spec in inputs}


def executable(function: Function, like: Model) -> Model:
    """`function` as a model that takes and gives what `like` does, every value held in its declared type."""
    return Model(Interface(function.name, like.inputs, like.outputs, like.states), function, rounds=True)
