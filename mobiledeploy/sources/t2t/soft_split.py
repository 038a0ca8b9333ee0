"""The soft split: a picture, or tokens laid out as one, cut into overlapping patches."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["SoftSplit"]


class SoftSplit(nn.Unfold):
    """(N, C, H, W) to tokens (N, rows * columns, C * kernel²), row by row; zeros are padded all around.

    Paper, section 3.1: patches of `kernel` pixels every `stride` pixels overlap, so that each token knows its
    neighbours.
    """

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__(kernel_size=kernel, stride=stride, padding=padding)
        self.geometry = kernel, stride, padding

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return super().forward(picture).transpose(1, 2)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the tokens of a picture of that size."""
        kernel, stride, padding = self.geometry
        rows, columns = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
        return rows, columns
