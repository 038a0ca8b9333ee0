"""Attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel, Opset
from mobiledeploy.mil.size import check_work, checked_shape

if TYPE_CHECKING:
    import torch

    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("attention")


@FAMILY.operator("scaled_dot_product_attention", since=Opset.IOS18)
def scaled_dot_product_attention(call: Call) -> Kernel:
    """softmax(query keyᵀ / sqrt(E) + mask) value; of a boolean mask, False forbids."""
    return Kernel(call.present("query", "key", "value", "attn_mask"), _attend)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    checked_shape((*query.shape[:-1], key.shape[-2]))
    check_work(query.numel(), key.shape[-2])
    return functional.scaled_dot_product_attention(query, key, value, mask)
