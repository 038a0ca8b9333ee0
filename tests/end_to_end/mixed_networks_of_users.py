"""Networks that float16 breaks, as a user's own file would hold them."""

from __future__ import annotations

import torch
from torch import nn


class Attention(nn.Module):
    """A linear attention whose sums pass 65504, as EfficientViT's do, around harmless layers."""

    pretrained_cfg = {"input_size": (3, 32, 32), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.qkv = nn.Conv2d(8, 24, 1)
        self.head = nn.Linear(8, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.stem(x))
        q, k, v = self.qkv(x).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        q, k = torch.relu(q) * 20.0 + 1.0, torch.relu(k) * 20.0 + 1.0
        state, total = k.transpose(1, 2) @ v, k.sum(1, keepdim=True).transpose(1, 2)
        x = (q @ state) / (q @ total)
        return self.head(torch.tanh(x).mean(1))


class Harmless(Attention):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.stem(x)).mean((2, 3)))


class Wide(Harmless):
    """A weight beyond 65504 that the values never show."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("wide", torch.tensor([1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5, 1e5]).reshape(8, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sin(torch.tanh(self.stem(x)) * 1e-5)
        return self.head(torch.tanh(nn.functional.conv2d(x, self.wide, groups=8)).mean((2, 3)))


def attention() -> nn.Module:
    return seeded(Attention())


def harmless() -> nn.Module:
    return seeded(Harmless())


def wide() -> nn.Module:
    return seeded(Wide())


def seeded(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return module
