"""Products and distances."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.addbmm.default)
def addbmm(x: Tensor, left: Tensor, right: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return x * beta + torch.matmul(left, right).sum(0) * alpha


@FORMULAS.of(aten.bilinear.default)
def bilinear(left: Tensor, right: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """sum over i, j of left_i W_oij right_j, as one product with the matrix (i, o j), and one with right."""
    outputs, rows, columns = weight.shape
    matrix = weight.permute(1, 0, 2).reshape(rows, outputs * columns)
    half = torch.matmul(left, matrix).reshape([*left.shape[:-1], outputs, columns])
    product = torch.matmul(half, right.unsqueeze(-1)).squeeze(-1)
    return product if bias is None else product + bias


@FORMULAS.of(aten.cdist.default, aten._cdist_forward.default)
def cdist(x: Tensor, y: Tensor, p: float = 2, *_mode: int | None) -> Tensor:
    """|x_i - y_j| from the differences themselves: |x|² + |y|² - 2 x·y cancels in fp16."""
    difference = x.unsqueeze(-2) - y.unsqueeze(-3)
    if p == 2:
        return torch.sqrt((difference * difference).sum(-1))
    if p == 0:
        return (difference != 0).to(x.dtype).sum(-1)
    magnitude = difference.abs()
    if p == math.inf:
        return magnitude.amax(-1)
    return magnitude.sum(-1) if p == 1 else torch.pow(torch.pow(magnitude, p).sum(-1), 1 / p)
