"""Attention in every spelling, through both converters in both precisions, held against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from attention_spellings import SPELLINGS
from small_programs import program_of
from torch import nn

from mobiledeploy import mil
from mobiledeploy.aten.prepare import named_outputs, prepare
from mobiledeploy.records import InputSpec
from mobiledeploy.rewrite.engine import rewrite
from mobiledeploy.rewrite.recipes import recipe

Convert = Callable[..., Path]
SPEC = InputSpec("x", (2, 6, 8))
# fp16 holds 11 bits: each product and softmax may be off by 5e-4 of its size, and a layer chains a dozen.
TOLERANCES = {"float32": 1e-5, "float16": 2e-2}


class Several(nn.Module):
    """All spellings on one input, so that each converter starts once."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.ModuleList(SPELLINGS[name]() for name in names)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        return {f"s{index}": part(x) for index, part in enumerate(self.parts)}


def run(path: Path, names: tuple[str, ...], x: np.ndarray) -> list[np.ndarray]:
    if path.suffix == ".mlpackage":
        given = mil.load(path).predict({"x": x})
        return [given[name] for name in names]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return list(session.run(list(names), {"x": x}))


@pytest.fixture(scope="module")
def spelled() -> tuple[Any, torch.Tensor, list[tuple[str, torch.Tensor]]]:
    """The rewritten program, its input, and what PyTorch gives."""
    network = prepare(Several(list(SPELLINGS)), (SPEC,)).model
    x = torch.randn(SPEC.shape, generator=torch.Generator().manual_seed(1))
    program = rewrite(program_of(network, SPEC), recipe(), [[x]]).program
    with torch.no_grad():
        return program, x, list(named_outputs(network(x)))


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("target", ["coreml", "onnx"])
def test_every_spelling_is_torchs(convert: Convert, spelled: Any, target: str, precision: str) -> None:
    program, x, expected = spelled
    given = run(convert(program, target, precision=precision), program.outputs, x.numpy())
    wrong = {}
    for (name, value), got in zip(expected, given, strict=True):
        error = float(np.abs(got.reshape(value.shape) - value.numpy()).max() / value.abs().max())
        if not error <= TOLERANCES[precision]:
            wrong[list(SPELLINGS)[int(name.split("_")[0].removeprefix("s"))]] = error
    assert wrong == {}


@pytest.mark.parametrize("target", ["coreml", "onnx"])
@pytest.mark.parametrize("precision", TOLERANCES)
def test_a_row_that_may_look_at_nothing_is_nan_as_in_torch(convert: Convert, target: str, precision: str) -> None:
    hidden = torch.zeros(6, 6, dtype=torch.bool)
    hidden[2] = True

    def attend(net: Any, x: torch.Tensor) -> torch.Tensor:
        return (x @ x.mT).masked_fill(hidden, float("-inf")).softmax(-1) @ x

    program = program_of(attend, SPEC)
    x = torch.randn(SPEC.shape, generator=torch.Generator().manual_seed(1))
    (got,) = run(convert(program, target, precision=precision), program.outputs, x.numpy())
    assert np.isnan(got[:, 2]).all()
    assert np.isfinite(np.delete(got, 2, axis=1)).all()
