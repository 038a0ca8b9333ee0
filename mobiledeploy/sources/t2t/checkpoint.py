"""Official checkpoints, which were saved for one resolution, at another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from mobiledeploy.sources.t2t.backbone import T2TViT

__all__ = ["checkpoint_filter_fn"]


def checkpoint_filter_fn(state: dict[str, torch.Tensor], model: T2TViT) -> dict[str, torch.Tensor]:
    """`state` with the position embedding of another resolution stretched to the grid of `model`, as the official
    repository does for transfer (utils.py, `resize_pos_embed`): bicubic, the class token apart. The sinusoids number
    the tokens row by row, so those of a larger grid would put other numbers on the same place of a picture.
    """
    saved = state.get("pos_embed")
    if saved is None or saved.shape == model.pos_embed.shape or saved.ndim != 3:
        return state
    side = math.isqrt(saved.shape[1] - 1)
    if side * side != saved.shape[1] - 1 or saved.shape[2] != model.pos_embed.shape[2]:
        return state
    grid = saved[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = interpolate(grid, size=model.grid_size, mode="bicubic")
    stretched = grid.permute(0, 2, 3, 1).flatten(1, 2)
    return {**state, "pos_embed": torch.cat((saved[:, :1], stretched), dim=1)}
