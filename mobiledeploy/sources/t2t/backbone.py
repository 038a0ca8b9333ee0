"""T2T-ViT: tokens by soft splits, then a deep and narrow transformer, and a classifier on its class token."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from mobiledeploy.sources.t2t.block import Block
from mobiledeploy.sources.t2t.checkpoint import checkpoint_filter_fn
from mobiledeploy.sources.t2t.sinusoids import sinusoids
from mobiledeploy.sources.t2t.token_performer import TokenPerformer
from mobiledeploy.sources.t2t.tokens_to_token import TokensToToken

# `checkpoint_filter_fn` is looked up where the class of a model is defined, as timm does.
__all__ = ["T2TViT", "checkpoint_filter_fn"]


class T2TViT(nn.Module):
    """A picture (N, 3, height, width) to logits (N, classes). Parameters and buffers are named as the official ones.

    Args:
        transformer: TokenTransformer or TokenPerformer.
        width, depth, heads, ratio: of the backbone; its MLPs are `ratio` times as wide as its tokens.
        resolution: (height, width) in pixels, multiples of `patch_size`; the sinusoids are made for it.
    """

    # pixels between two final tokens: the product of the strides of the soft splits
    patch_size = 16

    def __init__(
        self,
        transformer: Callable[[int, int], nn.Module],
        *,
        width: int,
        depth: int,
        heads: int,
        ratio: int,
        resolution: tuple[int, int] = (224, 224),
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.tokens_to_token = TokensToToken(transformer, width)
        self.grid_size = self.tokens_to_token.grid(*resolution)
        rows, columns = self.grid_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(sinusoids(1 + rows * columns, width), requires_grad=False)
        self.blocks = nn.Sequential(*(Block(width, heads, ratio * width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        tokens = self.tokens_to_token(picture)
        tokens = torch.cat((self.cls_token.expand(tokens.shape[0], -1, -1), tokens), dim=1) + self.pos_embed
        logits: torch.Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return logits

    def settle(self) -> None:
        """Gives the parameters that are computed, not trained, their values again where random ones were put."""
        with torch.no_grad():
            self.pos_embed.copy_(sinusoids(*self.pos_embed.shape[1:]))
        for child in self.modules():
            if isinstance(child, TokenPerformer):
                child.settle()
