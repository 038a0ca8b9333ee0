"""Small networks that take windows apart and put them together, as a user's own file would hold them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["NETWORKS", "dilated", "halo", "local", "outlook", "patches", "soft_split"]


class Attention(nn.Module):
    """One head over tokens (N, tokens, width)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * out)
        self.out = nn.Linear(out, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        return self.out(v + F.scaled_dot_product_attention(q, k, v))


class Network(nn.Module):
    """Takes a 3 x `size` x `size` picture."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.pretrained_cfg = {"input_size": (3, size, size), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}


class SoftSplit(Network):
    """T2T-ViT's first stages (Yuan et al. 2021, arXiv:2101.11986, section 3.1)."""

    def __init__(self) -> None:
        super().__init__(32)
        self.splits = nn.ModuleList([nn.Unfold(7, stride=4, padding=2), nn.Unfold(3, stride=2, padding=1)])
        self.stages = nn.ModuleList([Attention(147, 16), Attention(144, 16)])
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for split, stage in zip(self.splits, self.stages, strict=True):
            tokens = stage(split(x).transpose(1, 2))
            side = int(tokens.shape[1] ** 0.5)
            x = tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], side, side)
        return self.head(tokens.mean(1))


class Outlook(Network):
    """Outlook attention (Yuan et al. 2021, VOLO, arXiv:2106.13112, algorithm 1), with overlapping unfold and fold."""

    def __init__(self) -> None:
        super().__init__(16)
        self.heads = 2
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.value = nn.Linear(12, 12, bias=False)
        self.attention = nn.Linear(12, self.heads * 81)
        self.out = nn.Conv2d(12, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        values = F.unfold(self.value(x).permute(0, 3, 1, 2), 3, padding=1, stride=2)
        values = values.reshape(1, self.heads, 6, 9, 64).permute(0, 1, 4, 3, 2)
        pooled = F.avg_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        scores = self.attention(pooled).reshape(1, 64, self.heads, 9, 9).permute(0, 2, 1, 3, 4)
        mixed = (scores.softmax(-1) @ values).permute(0, 1, 4, 3, 2).reshape(1, 108, 64)
        return self.out(F.fold(mixed, (16, 16), 3, padding=1, stride=2))


class Halo(Network):
    """Blocks of 4 x 4 queries that look 2 pixels over their border (Vaswani et al. 2021, arXiv:2103.12731)."""

    def __init__(self) -> None:
        super().__init__(16)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.queries, self.keys = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        blocks = self.queries(x).reshape(8, 4, 4, 4, 4).permute(1, 3, 2, 4, 0).reshape(16, 16, 8)
        keys = F.pad(self.keys(x), (2, 2, 2, 2)).unfold(2, 8, 4).unfold(3, 8, 4).reshape(8, 16, 64).permute(1, 0, 2)
        return (blocks @ keys).softmax(-1) @ keys.transpose(1, 2)


class Local(Network):
    """A weight for each place of each 3 x 3 neighbourhood (Zhao et al. 2020, SAN, arXiv:2004.13621)."""

    def __init__(self) -> None:
        super().__init__(12)
        self.stem, self.weights = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(3, 9, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = F.pad(self.stem(x), (1, 1, 1, 1), mode="reflect").unfold(2, 3, 1).unfold(3, 3, 1)
        weights = self.weights(x).permute(0, 2, 3, 1).reshape(1, 1, 12, 12, 3, 3)
        return (windows * weights).sum((4, 5))


class Patches(Network):
    """MobileViT's patches by unfold and fold, without overlap."""

    def __init__(self) -> None:
        super().__init__(16)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = Attention(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = F.unfold(self.stem(x), 2, stride=2).reshape(8, 4, 64)
        mixed = self.attention(patches.permute(1, 2, 0)).permute(2, 0, 1)
        return F.fold(mixed.reshape(1, 32, 64), (16, 16), 2, stride=2)


class Dilated(Network):
    """Each argument of unfold and fold with two values."""

    def __init__(self) -> None:
        super().__init__(15)
        self.mix = nn.Conv1d(18, 18, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = F.unfold(x, (3, 2), (2, 3), (1, 2), (2, 1))
        return F.fold(self.mix(windows).relu(), (15, 15), (3, 2), (2, 3), (1, 2), (2, 1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "dilated": Dilated,
    "halo": Halo,
    "local": Local,
    "outlook": Outlook,
    "patches": Patches,
    "soft_split": SoftSplit,
}


def _seeded(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]()


def dilated() -> nn.Module:
    return _seeded("dilated")


def halo() -> nn.Module:
    return _seeded("halo")


def local() -> nn.Module:
    return _seeded("local")


def outlook() -> nn.Module:
    return _seeded("outlook")


def patches() -> nn.Module:
    return _seeded("patches")


def soft_split() -> nn.Module:
    return _seeded("soft_split")
