"""Position embeddings that are computed, not trained."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["sinusoids"]


def sinusoids(positions: int, width: int) -> torch.Tensor:
    """(1, positions, width) float32: sin and cos, by turns, of position / 10000^(2 ⌊i/2⌋ / width) for channel i.

    Vaswani et al., "Attention Is All You Need", 2017, section 3.5. `width` is even.
    """
    channels = np.arange(width)
    angles = np.arange(positions)[:, None] / np.power(10000.0, 2 * (channels // 2) / width)
    table = np.where(channels % 2 == 0, np.sin(angles), np.cos(angles))
    return torch.from_numpy(table.astype(np.float32))[None]
