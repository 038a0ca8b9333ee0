"""The ways to lay out the windows of one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.layout import Axes, Layout, reshaped

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.drafts import Site
    from mobiledeploy.rewrite.windows import Window, Windows

__all__ = ["STEPS", "Step", "fitting_steps"]

# More slices than this are not drafted: each is an operator that a program keeps, and a gather is always there.
_MOST_SLICES = 128


@dataclass(frozen=True)
class Step:
    """Windows along `window`'s axis of a `layout` that is padded already and holds that axis alone. `last`: no other
    axis gets windows after it."""

    site: Site
    layout: Layout
    window: Window
    windows: Windows
    last: bool

    @property
    def axis(self) -> int:
        return self.layout.axis_of(self.window.axis)

    @property
    def place(self) -> int:
        """The label of the place inside a window."""
        return self.windows.place(self.window)

    @property
    def sizes(self) -> dict[int, int]:
        """Of the two labels afterwards."""
        count = (self.layout.sizes[self.window.axis] - self.window.reach) // self.window.step + 1
        return {self.window.axis: count, self.place: self.window.size}

    def slice(self, start: int, stop: int, step: int) -> fx.Node:
        return sliced(self.site, self.layout.node, self.axis, (start, stop, step))


def sliced(site: Site, node: fx.Node, axis: int, places: tuple[int, int, int]) -> fx.Node:
    """`node` itself where nothing is left out; `places`: start, stop, step."""
    if places == (0, shape(node)[axis], 1):
        return node
    return site.call(aten.slice.Tensor, node, axis, *places)


def fitting_steps(window: Window, length: int) -> list[str]:
    """The names of the ways that there are for `window` on an axis of `length`."""
    names = ["gather by window", "gather by place"]
    if window.size <= _MOST_SLICES:
        names.append("slices by place")
    if window.count(length) <= _MOST_SLICES:
        names.append("slices by window")
    if window.reach <= window.step:
        names.append("reshape")
    return names


def _by_place(step: Step) -> Layout:
    """Slice i has the windows' i-th elements."""
    window, sizes = step.window, step.sizes
    reach = (sizes[window.axis] - 1) * window.step + 1
    starts = [window.dilation * i for i in range(window.size)]
    slices = [step.slice(start, start + reach, window.step) for start in starts]
    return _joined(step, slices, step.layout.axes, step.place)


def _by_window(step: Step) -> Layout:
    """Slice o is window o."""
    window = step.window
    starts = [window.step * o for o in range(step.sizes[window.axis])]
    slices = [step.slice(start, start + window.reach, window.dilation) for start in starts]
    return _joined(step, slices, _relabelled(step, (step.place,)), window.axis)


def _relabelled(step: Step, labels: tuple[int, ...]) -> Axes:
    return tuple(labels if number == step.axis else there for number, there in enumerate(step.layout.axes))


def _joined(step: Step, slices: Sequence[fx.Node], axes: Axes, label: int) -> Layout:
    """The slices along a new `label`, where the order wants it. The last join lays it onto the axis behind."""
    if len(slices) == 1:
        return step.layout.became(slices[0], _relabelled(step, (step.window.axis, step.place)), step.sizes)
    order = step.windows.order
    position = sum(order.index(labels[0]) < order.index(label) for labels in axes)
    before, behind = axes[:position], axes[position:]
    if step.last and behind:
        node = step.site.call(aten.cat.default, list(slices), position)
        return step.layout.became(node, (*before, (label, *behind[0]), *behind[1:]), step.sizes)
    node = step.site.call(aten.stack.default, list(slices), position)
    return step.layout.became(node, (*before, (label,), *behind), step.sizes)


def _gather(step: Step, labels: tuple[int, int]) -> Layout:
    window, sizes = step.window, step.sizes
    starts = window.step * torch.arange(sizes[window.axis])
    places = starts[:, None] + window.dilation * torch.arange(window.size)
    flat = (places if labels[0] == window.axis else places.T).reshape(-1)
    node = step.site.call(aten.index_select.default, step.layout.node, step.axis, step.site.constant(flat, "places"))
    return step.layout.became(node, _relabelled(step, labels), sizes)


def _gather_by_window(step: Step) -> Layout:
    return _gather(step, (step.window.axis, step.place))


def _gather_by_place(step: Step) -> Layout:
    return _gather(step, (step.place, step.window.axis))


def _reshape(step: Step) -> Layout:
    """Windows that do not overlap: a step is a window and what it passes over."""
    window, layout, axis = step.window, step.layout, step.axis
    count = layout.sizes[window.axis] // window.step
    if window.size == window.step:
        labels = _relabelled(step, (window.axis, step.place))
        return layout.became(layout.node, labels, {window.axis: count, step.place: window.size})
    sizes = list(shape(layout.node))
    node = reshaped(step.site, layout.node, [*sizes[:axis], count, window.step, *sizes[axis + 1 :]])
    node = sliced(step.site, node, axis + 1, (0, window.reach, window.dilation))
    axes = (*layout.axes[:axis], (window.axis,), (step.place,), *layout.axes[axis + 1 :])
    return layout.became(node, axes, {window.axis: count, step.place: window.size})


STEPS: Mapping[str, Callable[[Step], Layout]] = {
    "gather by window": _gather_by_window,
    "gather by place": _gather_by_place,
    "slices by place": _by_place,
    "slices by window": _by_window,
    "reshape": _reshape,
}
