"""A network that is exported in seconds."""

from __future__ import annotations

import torch
from torch import nn


class Tiny(nn.Module):
    mobiledeploy_inputs = ((1, 3, 32, 32),)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(x).relu().mean((2, 3)))
