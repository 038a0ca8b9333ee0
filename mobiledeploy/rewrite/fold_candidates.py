"""Blocks summed where they overlap: what `col2im` computes, and the ways to compute it with operators that phones have.

    y[c, t] = Σ x[c, i, o]  over all i, o with  step·o + dilation·i - padding = t

The sum goes over one axis after the other, so that a k x k block costs k + k summands and not k·k. Along one axis there
are rows, each shifted against the one before:

    dilation 1           x[i, o], i = step·r + s  ──▶  row r: x[o, s], shifted by a step: ⌈k / step⌉ rows
    step 1               row i: x[i, o], shifted by the dilation
    else                 row i: x[i, o] with step - 1 zeros behind each element, shifted by the dilation

Rows are added up one by one, or all at once after a skew: read with `shift` fewer elements to the line than it was
written with, a matrix has its row r moved right by r · shift.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.graph import arguments, aten, rank, shape
from mobiledeploy.rewrite.drafts import Candidate, split
from mobiledeploy.rewrite.layout import Axes, Layout, reshaped

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.drafts import Site

__all__ = ["BlockAxis", "Blocks", "col2im_blocks", "fold_candidates"]

# Labels; those that an axis of the picture has, once for each of the two.
_BATCH, _CHANNEL = 0, 1
_PLACE, _TAP, _ROW, _REST, _LINE = (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)


@dataclass(frozen=True)
class BlockAxis:
    """Along one axis of the picture: `count` blocks of `size` elements `dilation` apart, one every `step`; the picture
    has `length`, and what falls on the `padding` around it is dropped."""

    size: int
    step: int
    dilation: int
    padding: int
    length: int

    @property
    def reach(self) -> int:
        return self.dilation * (self.size - 1) + 1

    @property
    def count(self) -> int:
        return (self.length + 2 * self.padding - self.reach) // self.step + 1

    @property
    def rows(self) -> int:
        return math.ceil(self.size / self.step) if self.dilation == 1 else self.size

    @property
    def left_over(self) -> int:
        """Elements at the end that no block covers."""
        return self.length + 2 * self.padding - self.reach - self.step * (self.count - 1)


@dataclass(frozen=True)
class Blocks:
    """`source`: (batch, channels * height.size * width.size, height.count * width.count), or without the batch."""

    batch: int
    channels: int
    height: BlockAxis
    width: BlockAxis
    shape: tuple[int, ...]

    @property
    def axes(self) -> tuple[BlockAxis, BlockAxis]:
        return self.height, self.width


def col2im_blocks(node: fx.Node) -> Blocks:
    """What a `col2im` sums up."""
    source, size, kernel, dilation, padding, stride = arguments(node)
    height, width = (BlockAxis(kernel[i], stride[i], dilation[i], padding[i], size[i]) for i in range(2))
    *batch, columns, _ = shape(source)
    return Blocks(batch[0] if batch else 1, columns // (kernel[0] * kernel[1]), height, width, shape(node))


def fold_candidates(spec: Blocks) -> Iterator[Candidate]:
    """Every way that this module knows, to be weighed. A candidate's one source is the tensor of blocks."""
    if all(axis.rows == 1 and axis.size == axis.step for axis in spec.axes):
        yield Candidate("reshape", lambda site, sources: _side_by_side(site, _start(sources[0], spec), spec))
        if spec.height.size == spec.width.size:
            yield Candidate("pixel shuffle", lambda site, sources: _shuffled(site, _start(sources[0], spec), spec))
    for order in ((0, 1), (1, 0)):
        for skews in itertools.product((False, True), repeat=2):
            if all(spec.axes[axis].rows > 1 for axis, skew in zip(order, skews, strict=True) if skew):
                yield _separable(spec, tuple(zip(order, skews, strict=True)))
    yield _one_hot(spec, ((0, 1),))
    yield _one_hot(spec, ((1,), (0,)))


def _start(source: fx.Node, spec: Blocks) -> Layout:
    sizes = {_BATCH: spec.batch, _CHANNEL: spec.channels}
    for axis, extent in enumerate(spec.axes):
        sizes |= {_PLACE[axis]: extent.count, _TAP[axis]: extent.size}
    columns = (_CHANNEL, *_TAP)
    axes: Axes = ((_BATCH,), columns, _PLACE) if rank(source) == 3 else ((_BATCH, *columns), _PLACE)
    return Layout(source, axes, sizes)


def _side_by_side(site: Site, layout: Layout, spec: Blocks) -> fx.Node:
    layout = layout.arrange(site, ((_BATCH,), (_CHANNEL,), (_PLACE[0], _TAP[0]), (_PLACE[1], _TAP[1])))
    for axis, labels in enumerate(layout.axes[2:]):
        layout = _line(site, layout, axis, labels, spec)
    return _finished(site, layout, spec)


def _shuffled(site: Site, layout: Layout, spec: Blocks) -> fx.Node:
    """torch.pixel_shuffle: (N, C r r, H, W) to (N, C, r H, r W), the place in the block next to the channel."""
    layout = layout.arrange(site, ((_BATCH,), (_CHANNEL, *_TAP), (_PLACE[0],), (_PLACE[1],)))
    node = site.call(aten.pixel_shuffle.default, layout.node, spec.height.size)
    merged = ((_BATCH,), (_CHANNEL,), (_PLACE[0], _TAP[0]), (_PLACE[1], _TAP[1]))
    layout = layout.became(node, merged, {})
    for axis, labels in enumerate(merged[2:]):
        layout = _line(site, layout, axis, labels, spec)
    return _finished(site, layout, spec)


def _separable(spec: Blocks, steps: tuple[tuple[int, bool], ...]) -> Candidate:
    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        layout = _start(sources[0], spec)
        for axis, skew in steps:
            layout = _folded(site, layout, axis, skew, spec)
        return _finished(site, layout, spec)

    names = [f"{'skewed' if skew else 'padded'} rows of axis {2 + axis}" for axis, skew in steps]
    return Candidate(", ".join(names), build)


def _finished(site: Site, layout: Layout, spec: Blocks) -> fx.Node:
    others = [label for label in layout.labels if label not in (_BATCH, _CHANNEL, *_LINE)]
    return reshaped(site, layout.ordered(site, (_BATCH, _CHANNEL, *_LINE, *others)), spec.shape)


def _folded(site: Site, layout: Layout, axis: int, skew: bool, spec: Blocks) -> Layout:
    """The tap and the place along `axis` become the line that they cover."""
    extent = spec.axes[axis]
    layout = (_split_taps if extent.dilation == 1 else _spread)(site, layout, axis, extent)
    row, place, line = _ROW[axis], _PLACE[axis], (_PLACE[axis], _REST[axis])
    there, moving = layout.labels, (row, *line)
    outer, inner = [
        tuple(label for label in part if label not in moving)
        for part in (there[: there.index(row)], there[there.index(row) :])
    ]
    between = tuple(label for label in inner if there.index(label) < there.index(place))
    behind = inner[len(between) :]
    before = (outer + between, ()) if skew else (outer, between)
    axes = (before[0], (row,), before[1], line, behind)
    layout = layout.arrange(site, axes)
    shift = extent.step if extent.dilation == 1 else extent.dilation
    summed = (_skewed if skew else _added)(site, layout.node, extent.rows, shift)
    layout = layout.became(summed, axes, {_ROW[axis]: 1})
    return _line(site, layout, axis, line, spec)


def _split_taps(site: Site, layout: Layout, axis: int, extent: BlockAxis) -> Layout:
    """The taps, with zeros up to a whole number of steps, as rows of a step each."""
    whole = extent.rows * extent.step
    tap = _TAP[axis]
    if whole > extent.size:
        position = layout.labels.index(tap)
        layout = layout.arrange(site, (layout.labels[:position], (tap,), layout.labels[position + 1 :]))
        node = site.call(aten.pad.default, layout.node, [0, 0, 0, whole - extent.size])
        layout = layout.became(node, layout.axes, {tap: whole})
    labels = tuple(_parted(merged, tap, (_ROW[axis], _REST[axis])) for merged in layout.axes)
    return layout.became(layout.node, labels, {_ROW[axis]: extent.rows, _REST[axis]: extent.step})


def _spread(site: Site, layout: Layout, axis: int, extent: BlockAxis) -> Layout:
    """The taps are the rows; behind each place stand step - 1 zeros."""
    axes = tuple(_parted(merged, _TAP[axis], (_ROW[axis],)) for merged in layout.axes)
    layout = layout.became(layout.node, axes, {_ROW[axis]: extent.size, _REST[axis]: 1})
    position = layout.labels.index(_PLACE[axis]) + 1
    before, behind = layout.labels[:position], layout.labels[position:]
    layout = layout.became(
        layout.node, tuple(_parted(merged, before[-1], (before[-1], _REST[axis])) for merged in layout.axes), {}
    )
    if extent.step == 1:
        return layout
    layout = layout.arrange(site, (before, (_REST[axis],), behind))
    node = site.call(aten.pad.default, layout.node, [0, 0, 0, extent.step - 1])
    return layout.became(node, layout.axes, {_REST[axis]: extent.step})


def _parted(labels: tuple[int, ...], label: int, parts: tuple[int, ...]) -> tuple[int, ...]:
    """`labels` with `parts` in the place of `label`."""
    return tuple(new for old in labels for new in (parts if old == label else (old,)))


def _added(site: Site, node: fx.Node, rows: int, shift: int) -> fx.Node:
    """The sum over axis 1 of (before, rows, between, line, behind), row r shifted by r · shift along the line."""
    if rows == 1:
        return node
    result: fx.Node | None = None
    pieces = split(site, node, 1)
    for row, piece in enumerate(pieces):
        amounts = [0, 0, shift * row, shift * (rows - 1 - row)]
        padded = site.call(aten.pad.default, piece, amounts)
        result = padded if result is None else site.call(aten.add.Tensor, result, padded)
    assert result is not None
    return result


def _skewed(site: Site, node: fx.Node, rows: int, shift: int) -> fx.Node:
    """The same of (before, rows, 1, line, behind), all rows at once."""
    before, _, between, line, behind = shape(node)
    assert between == 1
    padded = site.call(aten.pad.default, node, [0, 0, 0, rows * shift])
    written = reshaped(site, padded, [before, rows * (line + rows * shift), behind])
    kept = rows * (line + (rows - 1) * shift)
    cut = site.call(aten.slice.Tensor, written, 1, 0, kept)
    read = reshaped(site, cut, [before, rows, 1, kept // rows, behind])
    return site.call(aten.sum.dim_IntList, read, [1], True)


def _line(site: Site, layout: Layout, axis: int, labels: tuple[int, ...], spec: Blocks) -> Layout:
    """The axis of `labels` becomes the picture's: without its padding, and with what no block covers."""
    extent, position, node = spec.axes[axis], layout.axes.index(labels), layout.node
    there = shape(node)[position]
    stop = min(there, extent.padding + extent.length)
    if (extent.padding, stop) != (0, there):
        node = site.call(aten.slice.Tensor, node, position, extent.padding, stop)
    missing = extent.padding + extent.length - stop
    if missing:
        behind = rank(node) - 1 - position
        node = site.call(aten.pad.default, node, [0] * (2 * behind) + [0, missing])
    axes = tuple((_LINE[axis],) if merged == labels else merged for merged in layout.axes)
    return layout.became(node, axes, {_LINE[axis]: extent.length})


def _one_hot(spec: Blocks, stages: tuple[tuple[int, ...], ...]) -> Candidate:
    """A depthwise transposed convolution per stage, which puts each tap where it belongs."""

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        layout = _start(sources[0], spec)
        layout = layout.arrange(site, ((_BATCH,), (_CHANNEL, *_TAP), (_PLACE[0],), (_PLACE[1],)))
        for stage in stages:
            layout = _transposed(site, layout, stage, spec)
        return _finished(site, layout, spec)

    name = "one-hot transposed convolution"
    return Candidate(name if len(stages) == 1 else f"{name}s axis by axis", build)


def _transposed(site: Site, layout: Layout, stage: tuple[int, ...], spec: Blocks) -> Layout:
    idle = BlockAxis(1, 1, 1, 0, 1)
    along = [spec.axes[axis] if axis in stage else idle for axis in range(2)]
    kernel = [extent.size for extent in along]
    channels = tuple(label for label in layout.axes[1] if label not in [_TAP[axis] for axis in stage])
    taps = math.prod(kernel)
    weight = torch.eye(taps).reshape(taps, 1, *kernel).repeat(layout.extent(channels), 1, 1, 1)
    node = site.call(
        aten.conv_transpose2d.input,
        *(layout.node, site.constant(weight, "one_hot"), None),
        [extent.step for extent in along],
        [extent.padding for extent in along],
        [extent.left_over if axis in stage else 0 for axis, extent in enumerate(along)],
        layout.extent(channels),
        [extent.dilation for extent in along],
    )
    lines = {_PLACE[axis]: _LINE[axis] for axis in stage}
    axes = ((_BATCH,), channels, *((lines.get(labels[0], labels[0]),) for labels in layout.axes[2:]))
    return layout.became(node, axes, {_LINE[axis]: spec.axes[axis].length for axis in stage})
