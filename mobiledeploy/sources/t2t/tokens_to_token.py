"""The tokens-to-token module: three soft splits, and a transformer between each two."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from mobiledeploy.sources.t2t.soft_split import SoftSplit

__all__ = ["TOKEN_WIDTH", "TokensToToken"]

TOKEN_WIDTH = 64


class TokensToToken(nn.Module):
    """A picture (N, 3, H, W) to tokens (N, H/16 * W/16, width); paper, section 3.1 and figure 3.

    Each transformer makes tokens of `TOKEN_WIDTH` out of what the split before it left, and they are laid out as a
    picture again for the next split. `transformer`: TokenTransformer or TokenPerformer.
    """

    def __init__(self, transformer: Callable[[int, int], nn.Module], width: int, channels: int = 3) -> None:
        super().__init__()
        self.soft_split0 = SoftSplit(kernel=7, stride=4, padding=2)
        self.soft_split1 = SoftSplit(kernel=3, stride=2, padding=1)
        self.soft_split2 = SoftSplit(kernel=3, stride=2, padding=1)
        self.attention1 = transformer(channels * 7 * 7, TOKEN_WIDTH)
        self.attention2 = transformer(TOKEN_WIDTH * 3 * 3, TOKEN_WIDTH)
        self.project = nn.Linear(TOKEN_WIDTH * 3 * 3, width)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        rows, columns = self.soft_split0.grid(*picture.shape[-2:])
        tokens = self.attention1(self.soft_split0(picture))
        tokens = self.attention2(self.soft_split1(_laid_out(tokens, rows, columns)))
        rows, columns = self.soft_split1.grid(rows, columns)
        projected: torch.Tensor = self.project(self.soft_split2(_laid_out(tokens, rows, columns)))
        return projected

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the final tokens of a picture of that size."""
        return self.soft_split2.grid(*self.soft_split1.grid(*self.soft_split0.grid(height, width)))


def _laid_out(tokens: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """(N, rows * columns, C) to (N, C, rows, columns)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], rows, columns)
