"""Normalization."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.batch_norm.default)
def batch_norm(x: Tensor, *arguments: Any) -> Any:
    """With the statistics of the batch itself, which torch divides by all elements (torch.nn.BatchNorm2d)."""
    weight, bias, _, _, training, _, eps, _ = arguments
    if not training:
        return NotImplemented
    axes = [axis for axis in range(x.dim()) if axis != 1]
    centred = x - x.mean(axes, keepdim=True)
    result = centred * torch.rsqrt((centred * centred).mean(axes, keepdim=True) + eps)
    sizes = [-1 if axis == 1 else 1 for axis in range(x.dim())]
    result = result if weight is None else result * weight.reshape(sizes)
    return result if bias is None else result + bias.reshape(sizes)
