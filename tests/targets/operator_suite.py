"""Many expressions as one model with one output for each, so that a converter starts once for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy import mil
from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import named_outputs, prepare
from mobiledeploy.records import InputSpec
from mobiledeploy.rewrite.engine import rewrite
from mobiledeploy.rewrite.recipes import recipe

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["Suite", "difference", "expected_outputs", "feeds", "lines", "outputs_of", "program_of_suite"]

SPECS = {"x": InputSpec("x", (2, 3, 8, 6)), "n": InputSpec("n", (2, 5), dtype="int64")}


def assign(x: torch.Tensor, index: Any, value: Any) -> torch.Tensor:
    """x[index] = value, on a copy."""
    y = x.clone()
    y[index] = value
    return y


def increment(x: torch.Tensor, index: Any, value: Any) -> torch.Tensor:
    """x[index] += value, on a copy."""
    y = x.clone()
    y[index] += value
    return y


NAMES = {"F": F, "assign": assign, "increment": increment, "nn": nn, "torch": torch}


class Suite(nn.Module):
    """`expressions` over x and n; "module: expression" makes a module, with seeded weights, that the expression calls
    m."""

    def __init__(self, expressions: Sequence[str]) -> None:
        super().__init__()
        torch.manual_seed(0)
        parts = [line.rpartition(": m(") for line in expressions]
        self.made = nn.ModuleList(eval(head, NAMES) if head else nn.Identity() for head, _, _ in parts)
        texts = [f"m({tail}" if head else tail for head, _, tail in parts]
        self.functions = [eval(f"lambda m, x, n: {text}", NAMES) for text in texts]
        self.inputs = [name for name in SPECS if any(re.search(rf"(?<![\w.]){name}(?!\w)", text) for text in texts)]

    def forward(self, *inputs: torch.Tensor) -> dict[str, Any]:
        given = dict.fromkeys(SPECS) | dict(zip(self.inputs, inputs, strict=True))
        pairs = zip(self.functions, self.made, strict=True)
        return {f"e{i}": function(module, **_copies(given)) for i, (function, module) in enumerate(pairs)}


def _copies(given: Mapping[str, Any]) -> dict[str, Any]:
    """An expression may write into its input; the next one reads it as it was."""
    return {name: value if value is None else value.clone() for name, value in given.items()}


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def feeds(suite: Suite) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = {
        "x": torch.randn(SPECS["x"].shape, generator=generator),
        "n": torch.randint(0, 4, SPECS["n"].shape, generator=generator),
    }
    return [values[name] for name in suite.inputs]


def program_of_suite(suite: Suite) -> Program:
    specs = tuple(SPECS[name] for name in suite.inputs)
    program = capture(prepare(suite.eval(), specs), specs)
    return rewrite(program, recipe(), [feeds(suite)]).program


def outputs_of(path: Path, suite: Suite, names: Sequence[str]) -> list[np.ndarray]:
    """What our executor or onnxruntime gives for the suite's feeds."""
    arrays = {name: tensor.numpy() for name, tensor in zip(suite.inputs, feeds(suite), strict=True)}
    if path.suffix == ".mlpackage":
        small = {name: array.astype(np.int32) if array.dtype == np.int64 else array for name, array in arrays.items()}
        given = mil.load(path).predict(small)
        return [given[name] for name in names]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return list(session.run(list(names), arrays))


def difference(got: np.ndarray, expected: torch.Tensor) -> float:
    """The largest difference relative to the largest value; infinite where the shapes, NaNs or infinities differ.

    Core ML has no scalars: one number is an array of one.
    """
    values, wanted = np.asarray(got, np.float64), expected.double().numpy()
    if values.shape != wanted.shape and not (wanted.shape == () and values.size == 1):
        return float("inf")
    values = values.reshape(wanted.shape)
    finite = np.isfinite(wanted)
    if not np.array_equal(values[~finite], wanted[~finite], equal_nan=True):
        return float("inf")
    peak = max(float(np.abs(wanted[finite]).max(initial=0.0)), 1e-6)
    return float(np.abs(values[finite] - wanted[finite]).max(initial=0.0)) / peak


def expected_outputs(suite: Suite) -> list[tuple[str, torch.Tensor]]:
    with torch.no_grad():
        return list(named_outputs(suite(*feeds(suite))))
