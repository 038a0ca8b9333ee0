"""The T2T transformer with linear attention, after Choromanski et al., "Rethinking Attention with Performers", 2021."""

from __future__ import annotations

import math

import torch
from torch import nn

from mobiledeploy.sources.t2t.random_features import orthogonal_features

__all__ = ["TokenPerformer"]

# Keeps a token that nothing attends to from a division by zero (official repository, token_performer.py).
EPSILON = 1e-8


class TokenPerformer(nn.Module):
    """Tokens (N, T, wide) to tokens (N, T, narrow): attention by random features, then x + MLP(norm(x)).

    softmax(q kᵀ) v is estimated as φ(q) (φ(k)ᵀ v) / φ(q) Σφ(k), linear in the number of tokens; the values stand in
    for the skip connection, because the output is narrower than the input.
    """

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__()
        self.narrow = narrow
        self.features = narrow // 2
        self.norm1 = nn.LayerNorm(wide)
        self.kqv = nn.Linear(wide, 3 * narrow)
        self.proj = nn.Linear(narrow, narrow)
        self.norm2 = nn.LayerNorm(narrow)
        self.mlp = nn.Sequential(nn.Linear(narrow, narrow), nn.GELU(), nn.Linear(narrow, narrow))
        drawn = 2.0 * torch.rand(self.features, narrow) - 1.0
        self.w = nn.Parameter(orthogonal_features(drawn), requires_grad=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        key, query, value = self.kqv(self.norm1(tokens)).chunk(3, dim=-1)
        attended = self._attended(self._positive(query), self._positive(key), value)
        narrow: torch.Tensor = value + self.proj(attended)
        narrow = narrow + self.mlp(self.norm2(narrow))
        return narrow

    def _positive(self, x: torch.Tensor) -> torch.Tensor:
        """Positive random features exp(w·x - |x|²/2) / √m of (N, T, narrow), as (N, T, m) (there, lemma 1)."""
        half_norm = (x * x).sum(dim=-1, keepdim=True) / 2
        return torch.exp(x @ self.w.t() - half_norm) / math.sqrt(self.features)

    @staticmethod
    def _attended(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Features (N, T, m) of queries and keys, values (N, T, narrow), to their weighted means (N, T, narrow)."""
        normalizer = query @ key.sum(dim=1, keepdim=True).transpose(1, 2)
        return query @ (key.transpose(1, 2) @ value) / (normalizer + EPSILON)

    def settle(self) -> None:
        """Makes what is not trained, or is trained to be small, out of seeded weights, in place.

        The features become orthogonal again. Keys and queries, of deviation 1, become a quarter as long: training
        keeps |x|²/2 near 1, but at 32 every feature is exp(-32), and the attention gives 0 or, in fp16, 0 / 0.
        """
        with torch.no_grad():
            self.w.copy_(orthogonal_features(self.w))
            self.kqv.weight[: 2 * self.narrow] *= 0.25
            self.kqv.bias[: 2 * self.narrow] *= 0.25
