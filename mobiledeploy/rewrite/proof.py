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

__all__ = ["TOLERANCE", "Outputs", "observe", "relative_error", "rounding_noise"]

# float64 has 2^-53 = 1.1e-16; a thousand operators and condition numbers of a thousand leave 1e-9 far from any fault of
# rounding, and a wrong border pixel or a swapped channel is never below 1e-6.
TOLERANCE = 1e-9

# What one more rounding in every layer may do, as a change of the inputs: four units in the last place of float64.
_PERTURBATION = 2.0**-50
# A rewritten layer rounds at other places than the original one, a hundred layers deep; the square root of that.
_ROUNDINGS = 10

Outputs = tuple[tuple[torch.Tensor, ...], ...]


def observe(program: Program, samples: Sequence[Sequence[torch.Tensor]]) -> Outputs:
    """The program's float64 outputs on every sample."""
    return evaluate_all(program, samples, dtype=torch.float64)


def rounding_noise(program: Program, samples: Sequence[Sequence[torch.Tensor]], outputs: Outputs) -> float:
    """The relative error that rounding alone may cause in this network, whose `outputs` are known.

    Some networks amplify: senet154 with random weights saturates its gates, and a change of its input in the last place
    moves the output by 1e-7. This tells what stopped a proof; it never lets one pass.
    """
    generator = torch.Generator().manual_seed(0)

    def perturbed(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor
        uniform = 2 * torch.rand(tensor.shape, dtype=torch.float64, generator=generator) - 1
        return tensor.double() * (1 + _PERTURBATION * uniform)

    moved = observe(program, [[perturbed(tensor) for tensor in sample] for sample in samples])
    return _ROUNDINGS * relative_error(outputs, moved)


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
