"""Sliding windows: what `im2col` and `Tensor.unfold` compute.

y[…, o, …, i, …] = x[…, step·o + dilation·i - before, …]          zeros outside; o: which window, i: where in it
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import arguments, rank, shape

if TYPE_CHECKING:
    from torch import fx

__all__ = ["Blocks", "Window", "Windows", "blocked", "im2col_windows"]


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


@dataclass(frozen=True)
class Blocks:
    """The tensor cut along each window's axis into blocks that no window divides: after the zeros of `paddings` it has
    `shape`, a block's elements on an axis behind the blocks, and windows of whole blocks."""

    paddings: tuple[Window, ...]
    shape: tuple[int, ...]
    windows: Windows


def blocked(spec: Windows, shape: tuple[int, ...]) -> Blocks | None:
    """None where windows of single elements, or none but whole windows side by side, are all there is."""
    cut = {window: math.gcd(window.size, window.step) for window in spec.windows if window.dilation == 1}
    cut = {window: block for window, block in cut.items() if 1 < block < window.size}
    if not cut:
        return None
    sizes: list[int] = []
    first: dict[int, int] = {}
    behind: dict[int, int] = {}
    paddings = []
    for axis, length in enumerate(shape):
        first[axis] = len(sizes)
        window = next((window for window in cut if window.axis == axis), None)
        if window is None:
            sizes.append(length)
            continue
        read = (window.count(length) - 1) * window.step + window.size
        paddings.append(replace(window, after=read - length - window.before))
        behind[axis] = len(sizes) + 1
        sizes += [read // cut[window], cut[window]]
    whole = tuple(_of_blocks(window, cut.get(window), first[window.axis]) for window in spec.windows)
    order: list[int] = []
    for label in spec.order:
        axis = label % spec.rank
        order.append(first[axis] + len(sizes) * (label >= spec.rank))
        if label >= spec.rank and axis in behind:
            order.append(behind[axis])
    return Blocks(tuple(paddings), tuple(sizes), Windows(len(sizes), whole, tuple(order), spec.shape))


def _of_blocks(window: Window, block: int | None, axis: int) -> Window:
    if block is None:
        return replace(window, axis=axis)
    return Window(axis, window.size // block, window.step // block)


def im2col_windows(node: fx.Node) -> Windows:
    """The windows of the last two axes that an `im2col` lays out as (…, channel · row · column, window)."""
    source, kernel, dilation, padding, stride = arguments(node)
    axes = rank(source)
    windows = tuple(Window(axes - 2 + i, kernel[i], stride[i], dilation[i], padding[i], padding[i]) for i in range(2))
    order = (*range(axes - 2), 2 * axes - 2, 2 * axes - 1, axes - 2, axes - 1)
    return Windows(axes, windows, order, shape(node))
