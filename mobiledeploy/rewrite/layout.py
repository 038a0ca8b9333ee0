"""A tensor whose axes have labels, several of them on one axis where they are merged, and the movement between layouts.

    (0)(1, 6, 7)(2, 3)  ──arrange──▶  (0, 1)(6)(2, 7)(3)

Labels that travel together travel as one axis, so that a movement has the fewest axes that it can have. An axis of one
element stands anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import aten, shape

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.drafts import Site

__all__ = ["Axes", "Layout", "reshaped"]

Axes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Layout:
    """`axes`: for each axis of `node` the labels on it, outermost first. `sizes`: of every label."""

    node: fx.Node
    axes: Axes
    sizes: Mapping[int, int]

    @property
    def labels(self) -> tuple[int, ...]:
        return tuple(label for axis in self.axes for label in axis)

    def extent(self, labels: Sequence[int]) -> int:
        return math.prod(self.sizes[label] for label in labels)

    def axis_of(self, label: int) -> int:
        """The axis that holds `label` alone."""
        return self.axes.index((label,))

    def became(self, node: fx.Node, axes: Axes, sizes: Mapping[int, int]) -> Layout:
        """What an operator that is no movement made of it; `sizes`: of the labels that are new or have changed."""
        return Layout(node, axes, {**self.sizes, **sizes})

    def arrange(self, site: Site, axes: Axes) -> Layout:
        """The layout `axes` of the same labels: at most a reshape, a permute and a reshape."""
        node = self.ordered(site, tuple(label for axis in axes for label in axis))
        return replace(self, node=reshaped(site, node, [self.extent(axis) for axis in axes]), axes=axes)

    def ordered(self, site: Site, labels: Sequence[int]) -> fx.Node:
        """The elements in the order `labels`, on whichever axes it takes: at most a reshape and a permute."""
        order = [label for label in labels if self.sizes[label] > 1]
        there = [tuple(label for label in axis if self.sizes[label] > 1) for axis in self.axes]
        axes, node = there, self.node
        if _in_order(there, order) is None:
            axes = _runs([label for axis in there for label in axis], order)
            node = reshaped(site, node, [self.extent(axis) for axis in axes])
        moved = _in_order(axes, order)
        assert moved is not None
        if [label for axis in axes for label in axis] == order:
            return self.node
        return site.call(aten.permute.default, node, moved)


def _in_order(axes: Sequence[tuple[int, ...]], order: Sequence[int]) -> list[int] | None:
    """The permutation of whole `axes` that makes their labels stand in `order`; None if there is none."""
    moved = sorted(range(len(axes)), key=lambda axis: order.index(axes[axis][0]) if axes[axis] else -1)
    return moved if [label for axis in moved for label in axes[axis]] == list(order) else None


def reshaped(site: Site, node: fx.Node, sizes: Sequence[int]) -> fx.Node:
    """`node` where it has that shape already."""
    if shape(node) == tuple(sizes):
        return node
    return site.call(aten.reshape.default, node, list(sizes))


def _runs(labels: Sequence[int], order: Sequence[int]) -> list[tuple[int, ...]]:
    """The longest stretches of `labels` that stand together in `order` too."""
    runs: list[tuple[int, ...]] = []
    for label in labels:
        follows = runs and order.index(label) == order.index(runs[-1][-1]) + 1
        if follows:
            runs[-1] += (label,)
        else:
            runs.append((label,))
    return runs
