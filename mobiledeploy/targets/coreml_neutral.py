"""Operators that change nothing when their sizes are the input's own.

A model that resizes, pads or crops only where a size asks for it has that operator in some of its programs; in the
others it stands as one that does nothing.

    160:  x ──resize 5→6──▶ reshape             192:  x ──▶ reshape
                              both:  x ──resize──▶ reshape,   at 192 from 6 to 6
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_messages import Shape

__all__ = ["RESIZES", "SOURCE", "can_be_neutral", "neutral"]

RESIZES = ("upsample_bilinear", "upsample_nearest_neighbor", "resize_bilinear", "resize_nearest_neighbor")
_MOVEMENTS = ("reshape", "pad", "slice_by_index", "slice_by_size", "tile")

# The parameter that all of these operators take their tensor by.
SOURCE = "x"


def can_be_neutral(kind: str) -> bool:
    return kind in RESIZES or kind in _MOVEMENTS


def neutral(kind: str, parameter: str, shape: Shape, elsewhere: np.ndarray) -> np.ndarray:
    """The value of `parameter` with which an operator of this kind gives its input of `shape` back. `elsewhere`: its
    value at a size where the operator does something; it stays where it does not matter."""
    sizes = np.array([size or 0 for size in shape], elsewhere.dtype)
    values = {
        ("reshape", "shape"): sizes,
        ("pad", "pad"): np.zeros_like(elsewhere),
        ("slice_by_index", "begin"): np.zeros_like(elsewhere),
        ("slice_by_index", "end"): sizes,
        ("slice_by_index", "stride"): np.ones_like(elsewhere),
        ("slice_by_size", "begin"): np.zeros_like(elsewhere),
        ("slice_by_size", "size"): sizes,
        ("tile", "reps"): np.ones_like(elsewhere),
    }
    return values.get((kind, parameter), elsewhere)
