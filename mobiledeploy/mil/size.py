"""A bound on what one operator may allocate: a damaged or hostile program must not take the machine's memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

__all__ = ["MAX_ELEMENTS", "checked_shape"]

# 2 GiB of float32: far above any activation of a model that runs on a phone
MAX_ELEMENTS = 2**29


def checked_shape(shape: Sequence[int]) -> list[int]:
    """The shape as a list. Raises ValueError if a size is negative or there would be more than `MAX_ELEMENTS`."""
    sizes = [int(size) for size in shape]
    if min(sizes, default=0) < 0:
        raise ValueError(f"shape {sizes} has a negative size")
    if prod(sizes) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of shape {sizes} is larger than {MAX_ELEMENTS} elements")
    return sizes
