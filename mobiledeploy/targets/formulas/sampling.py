"""Grids to sample pictures at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.affine_grid_generator.default)
def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Points (…, y, x, 1) from -1 to 1, at the pixels' centres or from corner to corner, times theta transposed."""
    lines = [_line(count, align_corners) for count in size[2:]]
    base = torch.tensor([[*reversed(point), 1.0] for point in product(*lines)])
    grid = torch.matmul(base, theta.transpose(1, 2))
    return grid.reshape([size[0], *size[2:], len(lines)])


def _line(count: int, align_corners: bool) -> list[float]:
    if align_corners:
        return [2 * index / (count - 1) - 1 if count > 1 else 0.0 for index in range(count)]
    return [(2 * index + 1) / count - 1 for index in range(count)]
