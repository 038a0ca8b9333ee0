"""Small networks for pictures of several sizes, as a user's own file would hold them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Picture(nn.Module):
    """A model of 32x32 pictures whose preprocessing is known."""

    pretrained_cfg = {  # noqa: RUF012 - timm's own form
        "input_size": (3, 32, 32),
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "crop_pct": 0.9,
        "interpolation": "bicubic",
    }

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Linear(16, 7)


class Blocks(Picture):
    """Attention within blocks of 2x2, for which odd features are resized, as in MobileViT."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.mix = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        batch, channels, height, width = x.shape
        rows, columns = -(-height // 2), -(-width // 2)
        if (height % 2, width % 2) != (0, 0):
            x = F.interpolate(x, size=(rows * 2, columns * 2), mode="bilinear")
        x = x.reshape(batch * channels * rows, 2, columns, 2).transpose(1, 2)
        x = x.reshape(batch, channels, rows * columns, 4).transpose(1, 3)
        y = self.norm(x)
        x = x + F.scaled_dot_product_attention(y, self.mix(y), y)
        x = x.transpose(1, 3).reshape(batch * channels * rows, columns, 2, 2).transpose(1, 2)
        x = x.reshape(batch, channels, rows * 2, columns * 2)
        if (height % 2, width % 2) != (0, 0):
            x = F.interpolate(x, size=(height, width), mode="bilinear")
        return self.head(x.mean((2, 3)))


class Positions(Picture):
    """Position embeddings of a 16x16 grid, resampled for others."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 16, 16, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        positions = F.interpolate(self.positions, size=x.shape[2:], mode="bicubic")
        return self.head((x + positions).relu().mean((2, 3)))


class Scaled(Picture):
    """Its features are scaled by a number that depends on the size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head((x.sigmoid() * (8.0 / x.shape[2])).sigmoid().mean((2, 3)))


class Overflow(Positions):
    """Beyond fp16's 65504 in between, at any size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        positions = F.interpolate(self.positions, size=x.shape[2:], mode="bicubic")
        return self.head(torch.log((x + positions).relu() * 1e6 + 1e6).mean((2, 3)))


def overflow() -> nn.Module:
    torch.manual_seed(0)
    return Overflow()


def blocks() -> nn.Module:
    torch.manual_seed(0)
    return Blocks()


def positions() -> nn.Module:
    torch.manual_seed(0)
    return Positions()


def scaled() -> nn.Module:
    torch.manual_seed(0)
    return Scaled()
