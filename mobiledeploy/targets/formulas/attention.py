"""Attention in the form that every converter has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.scaled_dot_product_attention.default)
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, *others: Any, enable_gqa: bool = False, **scale: Any
) -> Any:
    """Grouped queries: each head of keys and values is repeated for the queries that share it (Ainslie et al. 2023,
    arXiv:2305.13245)."""
    if not enable_gqa:
        return NotImplemented
    groups = query.shape[-3] // key.shape[-3]
    key, value = (_repeated(heads, groups) for heads in (key, value))
    return nn.functional.scaled_dot_product_attention(query, key, value, *others, **scale)


def _repeated(heads: Tensor, groups: int) -> Tensor:
    *batch, count, length, width = heads.shape
    spread = heads.unsqueeze(-3).expand([*batch, count, groups, length, width])
    return spread.reshape([*batch, count * groups, length, width])
