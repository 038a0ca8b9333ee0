"""Resizes whose factor depends on the size: the matrices of their two axes.

    resize(x: (N, C, h, w))  ──▶  (rows: (H, h)) @ x @ (columns: (w, W))

Core ML's factors are constants (until `resize` of iOS 17), but the operands of `matmul` may be computed. Where the
samples lie follows coremltools' documentation of the operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPTIONS", "resizing_matrix"]

# The parameters that say where samples lie.
OPTIONS = ("align_corners", "half_pixel_centers", "sampling_mode")


def resizing_matrix(kind: str, options: Mapping[str, Any], source: int, target: int) -> np.ndarray:
    """(target, source) float64: the weights of one axis of the operator `kind`; each row adds up to 1.

    `options`: align_corners and half_pixel_centers (bool) or sampling_mode (text), as far as the operator has them.
    """
    points = np.clip(_points(kind, options, source, target), 0, source - 1)
    below = np.floor(points).astype(int)
    above = np.minimum(below + 1, source - 1)
    fraction = points - below if kind.endswith("bilinear") else np.zeros(target)
    matrix = np.zeros((target, source))
    np.add.at(matrix, (np.arange(target), below), 1 - fraction)
    np.add.at(matrix, (np.arange(target), above), fraction)
    return matrix


def _points(kind: str, options: Mapping[str, Any], source: int, target: int) -> np.ndarray:
    """Where in 0..source-1 each of the samples lies."""
    steps = np.arange(target)
    mode = _mode(kind, options)
    if mode == "UNALIGN_CORNERS":
        return (steps + 0.5) * source / target - 0.5
    if mode == "ALIGN_CORNERS" and target == 1:
        return np.full(1, (source - 1) / 2)
    if mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
        return steps * ((source - 1) / max(1, target - 1))
    if mode == "OFFSET_CORNERS":
        return (steps + 0.5) * max(1, source - 1) / target
    return steps * source / target


def _mode(kind: str, options: Mapping[str, Any]) -> str:
    if kind != "upsample_bilinear":
        return str(options.get("sampling_mode", "DEFAULT"))
    align = bool(options.get("align_corners", True))
    if align:
        return "STRICT_ALIGN_CORNERS"
    return "UNALIGN_CORNERS" if options.get("half_pixel_centers", True) else "DEFAULT"
