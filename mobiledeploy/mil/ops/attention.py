"""Attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from mobiledeploy.mil.operator import Family, Kernel, Opset

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("attention")


@FAMILY.operator("scaled_dot_product_attention", since=Opset.IOS18)
def scaled_dot_product_attention(call: Call) -> Kernel:
    """softmax(query keyᵀ / sqrt(E) + mask) value; of a boolean mask, False forbids."""
    return Kernel(call.present("query", "key", "value", "attn_mask"), functional.scaled_dot_product_attention)
