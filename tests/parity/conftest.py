"""Small networks, taken all the way from torch to a package and a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings
from torch import nn

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.parity.reference import Reference, record_reference
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions

# A busy machine is no failure: hypothesis would fail an example that takes longer than 200 ms.
settings.register_profile("mobiledeploy", deadline=None)
settings.load_profile("mobiledeploy")

if TYPE_CHECKING:
    import numpy as np

    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import InputSpec


@dataclass(frozen=True)
class Converted:
    path: Path
    inputs: tuple[InputSpec, ...]
    program: Program
    reference: Reference


Convert = Callable[..., Converted]


@pytest.fixture
def convert(tmp_path) -> Convert:
    def run(
        module: nn.Module,
        inputs: tuple[InputSpec, ...],
        *,
        target: str = "coreml",
        precision: str = "float16",
        labels: tuple[str, ...] | None = None,
    ) -> Converted:
        prepared = prepare(module.eval(), inputs, labels)

        def original(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
            with torch.no_grad():
                return tuple(value.numpy() for value in prepared(*(torch.from_numpy(a.copy()) for a in arrays)))

        reference = record_reference(original, inputs, prepared.output_names, parity_samples(inputs))
        program = capture(prepared, inputs)
        path = tmp_path / f"net-{precision}{target_named(target).suffix}"
        target_named(target).convert(program, ConversionOptions(precision=precision, labels=labels), path)
        return Converted(path, inputs, program, reference)

    return run
