"""What a picture goes through before a timm model sees it, from the model's `pretrained_cfg`.

The numbers are timm's own. Two of them surprise people:

- FastViT (timm/models/fastvit.py, `_cfg`): ImageNet mean and deviation in RGB, crop 0.9 (0.95 for ma36), bicubic, as
  in apple/ml-fastvit `models/fastvit.py`. The MobileCLIP variants (`fastvit_mci*`) differ and have their own entry.
- MobileViT and MobileViTv2 (timm/models/mobilevit.py, `_cfg`): mean 0, deviation 1, and RGB. Apple's own checkpoints
  (apple/ml-cvnets, and `apple/mobilevit-*` of transformers) want BGR; timm's conversions of them do not: they reach the
  paper's accuracy (78.3 % of 78.4 % for mobilevit_s, timm's results/results-imagenet.csv) under timm's RGB loader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mobiledeploy.records import InputSpec, Preprocessing

__all__ = ["image_input", "preprocessing_of"]

INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
COLORS: Mapping[int, Literal["RGB", "GRAYSCALE"]] = {1: "GRAYSCALE", 3: "RGB"}


def preprocessing_of(cfg: Mapping[str, Any]) -> Preprocessing | None:
    """The preprocessing that timm's `pretrained_cfg` describes, or None for what is no picture (neither 1 nor 3
    channels, or no mean and deviation per channel)."""
    channels = int((cfg.get("input_size") or (3, 224, 224))[0])
    mean = tuple(float(value) for value in cfg.get("mean") or ())
    std = tuple(float(value) for value in cfg.get("std") or ())
    if channels not in COLORS or len(mean) != channels or len(std) != channels:
        return None
    interpolation = str(cfg.get("interpolation") or "bilinear")
    return Preprocessing(
        mean=mean,
        std=std,
        color=COLORS[channels],
        # timm also knows "random", for training only
        interpolation=interpolation if interpolation in INTERPOLATIONS else "bilinear",
        crop=float(cfg.get("crop_pct") or 1.0),
    )


def image_input(cfg: Mapping[str, Any], resolution: tuple[int, int] | None) -> InputSpec:
    """The one input of a timm model: (1, C, H, W) float32, at `resolution` or at the size it was trained for.

    A picture where timm knows its preprocessing, else a plain tensor.
    """
    channels, height, width = cfg.get("input_size") or (3, 224, 224)
    shape = (1, int(channels), *(resolution or (int(height), int(width))))
    preprocessing = preprocessing_of(cfg)
    if preprocessing is None:
        return InputSpec(name="input", shape=shape)
    return InputSpec(name="image", shape=shape, kind="image", preprocessing=preprocessing)
