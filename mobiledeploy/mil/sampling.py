"""Sampling a tensor between its elements, one axis at a time.

Where the samples lie follows the operators' documentation (coremltools, `resize_bilinear`), for `source` elements at
0..source-1 and `target` samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

__all__ = ["GRIDS", "interpolate", "nearest", "preceding"]

Grid = Callable[[int, int], torch.Tensor]


def _steps(target: int) -> torch.Tensor:
    return torch.arange(target, dtype=torch.float64)


def _strict_align_corners(source: int, target: int) -> torch.Tensor:
    """The first and last samples are the first and last elements; a single sample is the first."""
    return _steps(target) * ((source - 1) / max(1, target - 1))


def _align_corners(source: int, target: int) -> torch.Tensor:
    """The same; a single sample lies in the middle."""
    return (
        torch.full((1,), (source - 1) / 2, dtype=torch.float64)
        if target == 1
        else _strict_align_corners(source, target)
    )


def _default(source: int, target: int) -> torch.Tensor:
    """Spacing (source - source / target) / (target - 1) = source / target, from the first element."""
    return _steps(target) * source / target


def _offset_corners(source: int, target: int) -> torch.Tensor:
    """Samples in the middle of equal parts of the range between the first and the last element."""
    delta = max(1, source - 1) / target
    return _steps(target) * delta + 0.5 * delta


def _unalign_corners(source: int, target: int) -> torch.Tensor:
    """Elements and samples are the middles of equal parts of the same length."""
    return (_steps(target) + 0.5) * source / target - 0.5


GRIDS: Mapping[str, Grid] = {
    "STRICT_ALIGN_CORNERS": _strict_align_corners,
    "ALIGN_CORNERS": _align_corners,
    "DEFAULT": _default,
    "OFFSET_CORNERS": _offset_corners,
    "UNALIGN_CORNERS": _unalign_corners,
}


def interpolate(x: torch.Tensor, axis: int, points: torch.Tensor) -> torch.Tensor:
    """x at `points` (float64, shape (target,)) along the axis, linear between two elements, held beyond the ends."""
    points = points.clamp(0, x.shape[axis] - 1)
    below = points.floor()
    weight = (points - below).to(x.dtype).reshape(-1, *(1,) * (x.dim() - 1 - axis))
    low = below.long()
    high = (low + 1).clamp_(max=x.shape[axis] - 1)
    return torch.lerp(x.index_select(axis, low), x.index_select(axis, high), weight)


def preceding(x: torch.Tensor, axis: int, points: torch.Tensor) -> torch.Tensor:
    """x at the elements at or before `points` along the axis."""
    return x.index_select(axis, points.floor().long().clamp_(0, x.shape[axis] - 1))


def nearest(x: torch.Tensor, axis: int, points: torch.Tensor) -> torch.Tensor:
    """x at the elements nearest to `points` along the axis, half way the one before."""
    return x.index_select(axis, (points - 0.5).ceil().long().clamp_(0, x.shape[axis] - 1))
