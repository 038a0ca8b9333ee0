"""The ways to lay windows out with operators that phones have.

    pad ── 3 slices ── stack ── 3 slices ── cat ── reshape        one axis after the other: 2 k slices instead of k·k
    pad ── reshape ── permute ── reshape                          windows that do not overlap
    reshape ── 2 slices ── stack                                  blocks of 4 instead of elements: windows of 8, step 4
    pixel_unshuffle ── reshape                                    square ones
    conv2d ── reshape                                             depthwise, a one-hot kernel for each place

Which one is cheapest is not this module's matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.graph import aten, rank, shape
from mobiledeploy.rewrite.drafts import Candidate
from mobiledeploy.rewrite.layout import Axes, Layout, reshaped
from mobiledeploy.rewrite.window_steps import STEPS, Step, fitting_steps
from mobiledeploy.rewrite.windows import Blocks, Window, Windows, blocked

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.drafts import Site

__all__ = ["window_candidates"]

_CONVOLUTIONS = {1: aten.conv1d.default, 2: aten.conv2d.default}


def window_candidates(spec: Windows, source: fx.Node) -> Iterator[Candidate]:
    """Every way that this module knows, to be weighed. A candidate's one source is the tensor."""
    sizes, multiplies = shape(source), source.meta["val"].is_floating_point()
    yield from _candidates(spec, sizes, multiplies)
    blocks = blocked(spec, sizes)
    if blocks is not None:
        for inner in _candidates(blocks.windows, blocks.shape, multiplies):
            yield _in_blocks(blocks, inner)


def _candidates(spec: Windows, sizes: tuple[int, ...], multiplies: bool) -> Iterator[Candidate]:
    """`multiplies`: whether a convolution takes such a tensor; one of integers or truth values it does not."""
    for order in itertools.permutations(spec.windows):
        choices = [fitting_steps(window, sizes[window.axis]) for window in order]
        for names in itertools.product(*choices):
            for start in dict.fromkeys((_apart(spec), _together(spec))):
                yield _separable(spec, tuple(zip(order, names, strict=True)), start)
    if _is_unshuffling(spec):
        yield _unshuffling(spec)
    reached = spec.rank - min(window.axis for window in spec.windows)
    for spatial in dict.fromkeys((max(reached, spec.rank - 2), reached)):
        if multiplies and spatial in _CONVOLUTIONS:
            yield _one_hot(spec, (spec.windows,), spatial)
            if len(spec.windows) > 1:
                yield _one_hot(spec, tuple((window,) for window in spec.windows), spatial)


def _in_blocks(blocks: Blocks, inner: Candidate) -> Candidate:
    """`inner` on the tensor cut into blocks."""

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        layout = _padded(site, _start(sources[0]), blocks.paddings)
        return inner.build(site, [reshaped(site, layout.node, blocks.shape)])

    return Candidate(f"{inner.name} of blocks", build)


def _separable(spec: Windows, steps: tuple[tuple[Window, str], ...], start: Axes) -> Candidate:
    """One axis after the other, from the layout `start`."""

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        layout = _start(sources[0])
        windows = {window: _fitted(window, layout) if name == "reshape" else window for window, name in steps}
        layout = _padded(site, layout, list(windows.values())).arrange(site, start)
        for number, (window, name) in enumerate(steps):
            layout = STEPS[name](Step(site, layout, windows[window], spec, number == len(steps) - 1))
        return _finished(site, layout, spec)

    return Candidate(", ".join(f"{name} of axis {window.axis}" for window, name in steps), build)


def _start(source: fx.Node) -> Layout:
    sizes = dict(enumerate(shape(source)))
    return Layout(source, tuple((axis,) for axis in sizes), sizes)


def _finished(site: Site, layout: Layout, spec: Windows) -> fx.Node:
    return reshaped(site, layout.ordered(site, spec.order), spec.shape)


def _fitted(window: Window, layout: Layout) -> Window:
    """With zeros behind, or a cut there, so that a whole number of steps remains."""
    length = layout.sizes[window.axis]
    whole = window.count(length) * window.step
    return replace(window, after=whole - length - window.before)


def _padded(site: Site, layout: Layout, windows: Sequence[Window]) -> Layout:
    """The tensor with every window's zeros, or without what no window reads."""
    node = layout.node
    for window in windows:
        if window.after < 0:
            kept = shape(node)[window.axis] + window.after
            node = site.call(aten.slice.Tensor, node, window.axis, 0, kept)
    amounts = [0] * (2 * rank(node))
    for window in windows:
        behind = 2 * (rank(node) - 1 - window.axis)
        amounts[behind : behind + 2] = [window.before, max(window.after, 0)]
    while amounts and not any(amounts[-2:]):
        del amounts[-2:]
    if amounts:
        node = site.call(aten.pad.default, node, amounts)
    return layout.became(node, layout.axes, dict(enumerate(shape(node))))


def _apart(spec: Windows) -> Axes:
    return tuple((axis,) for axis in range(spec.rank))


def _together(spec: Windows) -> Axes:
    """Neighbours without windows that stay neighbours as one axis."""
    axes: list[tuple[int, ...]] = []
    moving = {window.axis for window in spec.windows}
    for axis in range(spec.rank):
        stays = axis > 0 and spec.order.index(axis) == spec.order.index(axis - 1) + 1
        if stays and not moving & {axis, axis - 1}:
            axes[-1] += (axis,)
        else:
            axes.append((axis,))
    return tuple(axes)


def _as_picture(site: Site, layout: Layout, spatial: int) -> Layout:
    """With a batch and channels before the last `spatial` axes."""
    leading = layout.axes[: len(layout.axes) - spatial]
    channels = tuple(label for axis in leading for label in axis)
    batch = leading if len(leading) == 2 else ((), channels)
    return layout.arrange(site, (*batch, *layout.axes[len(leading) :]))


def _one_hot(spec: Windows, stages: tuple[tuple[Window, ...], ...], spatial: int) -> Candidate:
    """A depthwise convolution per stage, each of whose outputs picks one element of its windows."""

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        uneven = [window for stage in stages for window in stage if window.before != window.after]
        layout = _as_picture(site, _padded(site, _start(sources[0]), uneven), spatial)
        for stage in stages:
            left = [replace(window, before=0, after=0) if window in uneven else window for window in stage]
            layout = _convolved(site, layout, left, spec)
        return _finished(site, layout, spec)

    return Candidate("one-hot convolution" if len(stages) == 1 else "one-hot convolutions axis by axis", build)


def _convolved(site: Site, layout: Layout, windows: Sequence[Window], spec: Windows) -> Layout:
    batch, channels, *spatial = layout.axes
    by_axis = {window.axis: window for window in windows}
    along = [by_axis.get(axis[0], Window(0, 1, 1)) for axis in spatial]
    kernel = [window.size for window in along]
    places, groups = torch.Size(kernel).numel(), layout.extent(channels)
    weight = torch.eye(places).reshape(places, 1, *kernel).repeat(groups, *([1] * (len(kernel) + 1)))
    node = site.call(
        _CONVOLUTIONS[len(kernel)],
        *(layout.node, site.constant(weight, "one_hot"), None),
        [window.step for window in along],
        [window.before for window in along],
        [window.dilation for window in along],
        groups,
    )
    made = {spec.place(window): window.size for window in windows}
    counts = {axis[0]: size for axis, size in zip(spatial, shape(node)[2:], strict=True)}
    return layout.became(node, (batch, (*channels, *made), *spatial), {**made, **counts})


def _is_unshuffling(spec: Windows) -> bool:
    """Square blocks side by side on the last two axes."""
    sides = {side for window in spec.windows for side in (window.reach, window.size, window.step)}
    return len(sides) == 1 and sorted(window.axis for window in spec.windows) == [spec.rank - 2, spec.rank - 1]


def _unshuffling(spec: Windows) -> Candidate:
    """torch.pixel_unshuffle: (N, C, r H, r W) to (N, C r r, H, W), the place in the block next to the channel."""

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        layout = _start(sources[0])
        layout = _padded(site, layout, [_fitted(window, layout) for window in spec.windows])
        layout = _as_picture(site, layout, 2)
        side = spec.windows[0].size
        node = site.call(aten.pixel_unshuffle.default, layout.node, side)
        batch, channels, rows, columns = layout.axes
        made = (2 * spec.rank - 2, 2 * spec.rank - 1)
        sizes = {rows[0]: shape(node)[2], columns[0]: shape(node)[3], **dict.fromkeys(made, side)}
        return _finished(site, layout.became(node, (batch, (*channels, *made), rows, columns), sizes), spec)

    return Candidate("pixel unshuffle", build)
