"""Attention as people write it: small modules over sequences x (2, 6, 8), each with what its mask hides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["SPELLINGS", "Spelling"]

LENGTH, WIDTH, HEADS = 6, 8, 2
HIDDEN = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
PADDING = torch.zeros(2, LENGTH, dtype=torch.bool).index_fill(1, torch.tensor([5]), True)
FLOAT = torch.zeros(LENGTH, LENGTH).masked_fill(HIDDEN, float("-inf"))
RELATIVE = torch.linspace(-1, 1, HEADS * LENGTH * LENGTH).reshape(HEADS, LENGTH, LENGTH)


class Spelling(nn.Module):
    """A function of x and its own projections."""

    def __init__(self, function: Callable[[Any, torch.Tensor], Any], **modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        for name, module in modules.items():
            setattr(self, name, module)

    def heads(self, x: torch.Tensor, keys: int = HEADS) -> tuple[torch.Tensor, ...]:
        """Queries, keys and values (2, heads, length, width of a head)."""
        parts = self.qkv(x).reshape(2, LENGTH, 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind()
        return parts[0], parts[1][:, :keys], parts[2][:, :keys]

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


def fused(**options: Any) -> Callable[[], Spelling]:
    return lambda: Spelling(lambda m, x: F.scaled_dot_product_attention(*m.heads(x), **options))


def written(mask: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], Spelling]:
    """softmax(mask(q kᵀ / sqrt(d))) v, by hand."""

    def attend(m: Spelling, x: torch.Tensor) -> torch.Tensor:
        q, k, v = m.heads(x)
        scores = (q @ k.transpose(-2, -1)) * (WIDTH // HEADS) ** -0.5
        return (mask(scores).softmax(-1) @ v).transpose(1, 2).reshape(x.shape)

    return lambda: Spelling(attend)


def layer(call: Callable[[Any, torch.Tensor], Any], **options: Any) -> Callable[[], Spelling]:
    return lambda: Spelling(lambda m, x: call(m.layer, x), layer=nn.MultiheadAttention(WIDTH, HEADS, **options))


def encoder(**options: Any) -> Callable[[], Spelling]:
    made = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, batch_first=True, **options)
    return lambda: Spelling(lambda m, x: m.layer(x), layer=made)


def grouped(m: Spelling, x: torch.Tensor) -> torch.Tensor:
    return F.scaled_dot_product_attention(*m.heads(x, keys=1), enable_gqa=True)


def einsummed(m: Spelling, x: torch.Tensor) -> torch.Tensor:
    q, k, v = m.heads(x)
    return torch.einsum("bhij,bhjd->bhid", torch.einsum("bhid,bhjd->bhij", q, k).softmax(-1), v)


def cosine(m: Spelling, x: torch.Tensor) -> torch.Tensor:
    """Swin v2: cosines instead of products, with relative positions."""
    q, k, v = m.heads(x)
    scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT * 10 + RELATIVE
    return scores.softmax(-1) @ v


def linear(m: Spelling, x: torch.Tensor) -> torch.Tensor:
    """Keys first, over their softmax: efficient and cross-covariance attention."""
    q, k, v = m.heads(x)
    return q.softmax(-1) @ (k.softmax(-2).mT @ v)


def twice(m: Any, x: torch.Tensor, **options: Any) -> Any:
    return m(x, x, x, **options)


SPELLINGS: dict[str, Callable[[], nn.Module]] = {
    "fused": fused(),
    "fused, causal": fused(is_causal=True),
    "fused, scale": fused(scale=0.3),
    "fused, boolean mask": fused(attn_mask=~HIDDEN),
    "fused, float mask": fused(attn_mask=FLOAT),
    "fused, relative positions": fused(attn_mask=RELATIVE),
    "fused, dropout of a trained model": fused(dropout_p=0.0),
    "grouped queries": lambda: Spelling(grouped),
    "by hand": written(lambda scores: scores),
    "by hand, -inf": written(lambda scores: scores.masked_fill(HIDDEN, float("-inf"))),
    "by hand, -1e9": written(lambda scores: scores.masked_fill(HIDDEN, -1e9)),
    "by hand, the smallest float32": written(lambda scores: scores.masked_fill(HIDDEN, torch.finfo(torch.float32).min)),
    "by hand, a mask added": written(lambda scores: scores + FLOAT),
    "by hand, a large negative mask added": written(lambda scores: scores + HIDDEN * -10000.0),
    "by hand, relative positions": written(lambda scores: scores + RELATIVE),
    "by hand, where": written(lambda scores: torch.where(HIDDEN, -torch.inf, scores)),
    "einsum": lambda: Spelling(einsummed),
    "cosine": lambda: Spelling(cosine),
    "linear": lambda: Spelling(linear),
    "layer": layer(twice, batch_first=True),
    "layer, sequence first": layer(twice),
    "layer, without weights": layer(lambda m, x: twice(m, x, need_weights=False)[0], batch_first=True),
    "layer, a weight for each head": layer(lambda m, x: twice(m, x, average_attn_weights=False), batch_first=True),
    "layer, boolean mask": layer(lambda m, x: twice(m, x, attn_mask=HIDDEN)[0], batch_first=True),
    "layer, float mask": layer(lambda m, x: twice(m, x, attn_mask=FLOAT)[0], batch_first=True),
    "layer, padding": layer(lambda m, x: twice(m, x, key_padding_mask=PADDING)[0], batch_first=True),
    "layer, padding, without weights": layer(
        lambda m, x: twice(m, x, key_padding_mask=PADDING, need_weights=False)[0], batch_first=True
    ),
    "layer, causal": layer(
        lambda m, x: twice(m, x, attn_mask=FLOAT, is_causal=True, need_weights=False)[0], batch_first=True
    ),
    "layer, without bias": layer(twice, batch_first=True, bias=False),
    "layer, key and value bias": layer(twice, batch_first=True, add_bias_kv=True, add_zero_attn=True),
    "layer, keys of another width": layer(lambda m, x: m(x, x[..., :4], x[..., :5]), batch_first=True, kdim=4, vdim=5),
    "layer, dropout": layer(twice, batch_first=True, dropout=0.5),
    "encoder layer": encoder(),
    "encoder layer, norm first, gelu": encoder(norm_first=True, activation="gelu"),
    "encoder": lambda: Spelling(
        lambda m, x: m.layer(x, src_key_padding_mask=PADDING),
        layer=nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 16, batch_first=True), 2),
    ),
    "decoder layer": lambda: Spelling(
        lambda m, x: m.layer(x, x.flip(1), tgt_mask=FLOAT),
        layer=nn.TransformerDecoderLayer(WIDTH, HEADS, 16, batch_first=True),
    ),
}
