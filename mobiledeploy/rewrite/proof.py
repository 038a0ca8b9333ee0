"""Proof by evaluation: the same outputs in float64, before and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.evaluate import evaluate_all
from mobiledeploy.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobiledeploy.aten.program import Program

__all__ = ["TOLERANCE", "Outputs", "observe", "relative_error"]

# float64 has 2^-53 = 1.1e-16; a thousand operators and condition numbers of a thousand leave 1e-9 far from any fault of
# rounding, and a wrong border pixel or a swapped channel is never below 1e-6.
TOLERANCE = 1e-9

Outputs = tuple[tuple[torch.Tensor, ...], ...]


def observe(program: Program, samples: Sequence[Sequence[torch.Tensor]]) -> Outputs:
    """The program's float64 outputs on every sample."""
    return evaluate_all(program, samples, dtype=torch.float64)


def relative_error(before: Outputs, after: Outputs) -> float:
    """Largest |after - before| over the largest |before| of the same output; infinity where only one is finite.

    An output that is zero everywhere must stay zero. Integers and booleans must be equal.
    """
    pairs = [pair for sample in zip(before, after, strict=True) for pair in zip(*sample, strict=True)]
    return max((_error(*pair) for pair in pairs), default=0.0)


def _error(before: torch.Tensor, after: torch.Tensor) -> float:
    if before.shape != after.shape:
        raise InternalError(
            f"a rewrite changed an output's shape from {tuple(before.shape)} to {tuple(after.shape)}",
            remedy="Please report it; --skip RULE goes on without the rule.",
        )
    if not before.is_floating_point():
        return 0.0 if torch.equal(before, after) else float("inf")
    finite = torch.isfinite(before)
    if not torch.equal(before[~finite].nan_to_num(nan=0.5), after[~finite].nan_to_num(nan=0.5)):
        return float("inf")
    before, after = before[finite], after[finite]
    if before.numel() == 0:
        return 0.0
    difference, peak = float((after - before).abs().max()), float(before.abs().max())
    if difference == 0:
        return 0.0
    return difference / peak if peak > 0 and not math.isnan(difference) else float("inf")
