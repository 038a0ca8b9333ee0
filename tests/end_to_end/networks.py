"""Small networks that the end-to-end tests export, as a user's own file would hold them."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """A RepMixer-like block: parallel branches, a layer scale and an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.wide = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.point = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(x + self.scale * (self.wide(x) + self.point(x) - self.norm(x)))


class Classifier(nn.Module):
    """Seven classes of 32x32 pictures."""

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
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.head = nn.Linear(16, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def classifier() -> nn.Module:
    torch.manual_seed(0)
    return Classifier()


class Overflow(nn.Module):
    """Right in float32, beyond fp16's 65504 in between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        large = self.conv(x).relu() * 1e6 + 1e6
        return torch.log(large).mean((2, 3))


def overflow() -> nn.Module:
    torch.manual_seed(0)
    return Overflow()


class TwoHeads(nn.Module):
    """A dict of outputs, one of them spatial."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.logits = nn.Linear(8, 5)
        self.mask = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.stem(x).relu()
        return {"logits": self.logits(features.mean((2, 3))), "mask": self.mask(features)}


def two_heads() -> nn.Module:
    torch.manual_seed(0)
    return TwoHeads()
