"""The published sizes of T2T-ViT, and what their weights want to be fed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mobiledeploy.sources.t2t.backbone import T2TViT
from mobiledeploy.sources.t2t.token_performer import TokenPerformer
from mobiledeploy.sources.t2t.token_transformer import TokenTransformer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["VARIANTS", "Variant"]

RELEASES = "https://github.com/yitu-opensource/T2T-ViT/releases/download/main/"


@dataclass(frozen=True)
class Variant:
    """One row of the paper's table 1. `file`: its weights among the repository's releases (README.md), trained at
    `resolution`."""

    transformer: Callable[[int, int], nn.Module]
    width: int
    depth: int
    heads: int
    ratio: int
    file: str
    resolution: tuple[int, int] = (224, 224)

    def cfg(self) -> dict[str, Any]:
        """What timm calls a `pretrained_cfg`; the numbers are the official repository's (models/t2t_vit.py, `_cfg`)."""
        return {
            "url": RELEASES + self.file,
            "license": "bsd-3-clause-clear",
            "input_size": (3, *self.resolution),
            "fixed_input_size": True,
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "num_classes": 1000,
            "classifier": "head",
        }

    def create(self, resolution: tuple[int, int]) -> T2TViT:
        """The untrained model for pictures of (height, width) pixels."""
        return T2TViT(
            self.transformer,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            ratio=self.ratio,
            resolution=resolution,
        )

    @staticmethod
    def settle(module: nn.Module) -> None:
        """What random weights still need, in place."""
        assert isinstance(module, T2TViT)
        module.settle()


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "t2t_vit_7": Variant(TokenPerformer, 256, 7, 4, 2, "71.7_T2T_ViT_7.pth.tar"),
        "t2t_vit_10": Variant(TokenPerformer, 256, 10, 4, 2, "75.2_T2T_ViT_10.pth.tar"),
        "t2t_vit_12": Variant(TokenPerformer, 256, 12, 4, 2, "76.5_T2T_ViT_12.pth.tar"),
        "t2t_vit_14": Variant(TokenPerformer, 384, 14, 6, 3, "81.5_T2T_ViT_14.pth.tar"),
        "t2t_vit_19": Variant(TokenPerformer, 448, 19, 7, 3, "81.9_T2T_ViT_19.pth.tar"),
        "t2t_vit_24": Variant(TokenPerformer, 512, 24, 8, 3, "82.3_T2T_ViT_24.pth.tar"),
        "t2t_vit_t_14": Variant(TokenTransformer, 384, 14, 6, 3, "81.7_T2T_ViTt_14.pth.tar"),
        "t2t_vit_t_19": Variant(TokenTransformer, 448, 19, 7, 3, "82.4_T2T_ViTt_19.pth.tar"),
        "t2t_vit_t_24": Variant(TokenTransformer, 512, 24, 8, 3, "82.6_T2T_ViTt_24.pth.tar"),
    }
)
