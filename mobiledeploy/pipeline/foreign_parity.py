"""A converted file held against the executor, on seeded inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mobiledeploy.errors import ParityError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import Block, TensorType
from mobiledeploy.parity.check import bar_for
from mobiledeploy.parity.comparison import Standard, compare_outputs
from mobiledeploy.pipeline.foreign_format import Execute, arrays
from mobiledeploy.pipeline.given_inputs import GivenInputs, feeds
from mobiledeploy.pipeline.runnable import RunInput
from mobiledeploy.records import OutputParity, ParityReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.mil import Model
    from mobiledeploy.mil.module import ProgramModule
    from mobiledeploy.pipeline.runnable import Precision

__all__ = ["Expectation", "demand_equality", "expectation"]

_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Expectation:
    """`samples`: seeded inputs. `outputs`: what the executor gives for them, one after the other. `label_outputs`: of
    a classifier, as `ProgramModule` has it."""

    samples: tuple[tuple[torch.Tensor, ...], ...]
    outputs: tuple[Mapping[str, NDArray[Any]], ...]
    standard: Standard
    label_outputs: tuple[str, str] | None = None

    def report(self, artifact: str, runner: str, execute: Execute) -> ParityReport:
        """How close a file comes to it."""
        results = [
            result
            for seed, sample, wanted in zip(_SEEDS, self.samples, self.outputs, strict=True)
            for result in self._compare(f"seed {seed}", wanted, execute(sample))
        ]
        return ParityReport(
            artifact=artifact,
            runner=runner,
            precision=self.standard.precision,
            bar_db=self.standard.bar_db,
            psnr_db=min((result.psnr_db for result in results), default=math.inf),
            passed=all(result.passed for result in results),
            outputs=tuple(results),
        )

    def _compare(
        self, sample: str, wanted: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]]
    ) -> tuple[OutputParity, ...]:
        if self.label_outputs is not None:
            # the label follows from the probabilities, which are compared; between two of them that are as good as
            # equal either is right
            label, probabilities = self.label_outputs
            wanted = {**wanted, label: np.asarray(np.argmax(found[probabilities]))}
        return compare_outputs(sample, wanted, found, self.standard)


def expectation(model: Model, module: ProgramModule, precision: Precision) -> Expectation:
    """Seeded inputs of the default shape of each, pictures where the model takes them; what `module`, which is the
    executor's program, gives for them; and what is asked of a file: the PSNR for fp16 where values are rounded to it.

    Raises InputError for inputs that no numbers can be made for.
    """
    inputs = tuple(map(RunInput, model.inputs))
    samples = tuple(model.tensors(feeds(inputs, GivenInputs(random=True, seed=seed))) for seed in _SEEDS)
    module.reset_states()
    with torch.no_grad():
        outputs = tuple(arrays(module(*sample)) for sample in samples)
    module.reset_states()
    rounded = precision == "declared" and _holds_half(model.function.block)
    name = "float16" if rounded else "float32"
    return Expectation(samples, outputs, Standard(name, bar_for(name)), module.label_outputs)


def _holds_half(block: Block) -> bool:
    return any(
        any(isinstance(kind, TensorType) and kind.dtype is DataType.FLOAT16 for kind in operation.output_types)
        or any(map(_holds_half, operation.blocks))
        for operation in block.operations
    )


def demand_equality(reports: Sequence[ParityReport]) -> None:
    """Raises ParityError naming the worst file's first output that failed."""
    failed = min((report for report in reports if not report.passed), key=lambda report: report.psnr_db, default=None)
    if failed is None:
        return
    output = next(output for output in failed.outputs if not output.passed)
    raise ParityError(
        f"{failed.artifact} does not compute what the package computes: output {output.output!r}: {output.reason}",
        where=f"{failed.runner}, {output.input}",
        remedy="Nothing was written. Try the other format, or report it with the package.",
        psnr_db=failed.psnr_db,
    )
