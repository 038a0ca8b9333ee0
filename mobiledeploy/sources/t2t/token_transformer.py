"""The T2T transformer in its plain form: one head of softmax attention, and an MLP as wide as its tokens."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from mobiledeploy.sources.t2t.mlp import Mlp

__all__ = ["TokenTransformer"]


class TokenTransformer(nn.Module):
    """Tokens (N, T, wide) to tokens (N, T, narrow): attention, then x + MLP(norm(x)).

    `wide` is what a soft split leaves, `narrow` the tokens' width between two of them.
    """

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(wide)
        self.attn = NarrowingAttention(wide, narrow)
        self.norm2 = nn.LayerNorm(narrow)
        self.mlp = Mlp(narrow, narrow)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        narrow: torch.Tensor = self.attn(self.norm1(tokens))
        narrow = narrow + self.mlp(self.norm2(narrow))
        return narrow


class NarrowingAttention(nn.Module):
    """Attention whose output is narrower than its input, so that the values stand in for the skip connection.

    The scale is that of the wide input, as the official weights were trained.
    """

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(wide, 3 * narrow, bias=False)
        self.proj = nn.Linear(narrow, narrow)
        self.scale = wide**-0.5

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(tokens).unsqueeze(1).chunk(3, dim=-1)
        mixed = scaled_dot_product_attention(query, key, value, scale=self.scale)
        narrow: torch.Tensor = value + self.proj(mixed)
        return narrow.squeeze(1)
