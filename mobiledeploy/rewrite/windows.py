"""Sliding windows: what `im2col` and `Tensor.unfold` compute.

y[…, o, …, i, …] = x[…, step·o + dilation·i - before, …]          zeros outside; o: which window, i: where in it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import arguments, rank, shape

if TYPE_CHECKING:
    from torch import fx

__all__ = ["Window", "Windows", "im2col_windows"]


@dataclass(frozen=True)
class Window:
    """Along one axis: `size` elements `dilation` apart, a new window every `step`; zeros `before` and `after`."""

    axis: int
    size: int
    step: int
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """From a window's first element to behind its last."""
        return self.dilation * (self.size - 1) + 1

    def count(self, length: int) -> int:
        return (length + self.before + self.after - self.reach) // self.step + 1


@dataclass(frozen=True)
class Windows:
    """Windows of distinct axes of a tensor of `rank` axes. Label a < rank is the tensor's axis a (of windows, once it
    has them), rank + a the place inside a window along a. `order`: the result's labels; `shape`: the result's."""

    rank: int
    windows: tuple[Window, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def place(self, window: Window) -> int:
        """The label of the place inside a window."""
        return self.rank + window.axis


def im2col_windows(node: fx.Node) -> Windows:
    """The windows of the last two axes that an `im2col` lays out as (…, channel · row · column, window)."""
    source, kernel, dilation, padding, stride = arguments(node)
    axes = rank(source)
    windows = tuple(Window(axes - 2 + i, kernel[i], stride[i], dilation[i], padding[i], padding[i]) for i in range(2))
    order = (*range(axes - 2), 2 * axes - 2, 2 * axes - 1, axes - 2, axes - 1)
    return Windows(axes, windows, order, shape(node))
