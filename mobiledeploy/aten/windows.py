"""Where torch lays the windows of its poolings along one axis (aten/src/ATen/native/Pool.h)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

__all__ = ["Windows", "adaptive"]


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel` elements, `dilation` apart, every `stride` elements of an axis of `size`, padded at both
    ends."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    ceil_mode: bool = False

    def rounded_up(self, ceil_mode: bool) -> Windows:
        """The same with a last window that may hang over."""
        return replace(self, ceil_mode=ceil_mode)

    @property
    def span(self) -> int:
        return self.dilation * (self.kernel - 1) + 1

    @property
    def count(self) -> int:
        steps = (self.size + 2 * self.padding - self.span) / self.stride
        count = (math.ceil(steps) if self.ceil_mode else math.floor(steps)) + 1
        # The last window must begin within the axis or its left padding.
        return count - (self.ceil_mode and (count - 1) * self.stride >= self.size + self.padding)

    @property
    def overhang(self) -> int:
        """By how much the last window reaches beyond the padded axis."""
        return max(0, (self.count - 1) * self.stride + self.span - self.size - 2 * self.padding)

    def elements(self, with_padding: bool) -> list[int]:
        """How many elements each window holds, of the axis alone or of the padded axis."""
        before, behind = (self.padding, self.padding) if with_padding else (0, 0)
        starts = [index * self.stride - self.padding for index in range(self.count)]
        return [min(start + self.kernel, self.size + behind) - max(start, -before) for start in starts]


def adaptive(size: int, count: int) -> list[tuple[int, int]]:
    """Start and end of `count` windows that share out an axis of `size`."""
    return [(index * size // count, -(-(index + 1) * size // count)) for index in range(count)]
