"""One logical axis as one axis of a node.

order (h, i, w, j), logical axis (i,)   ──▶   a node [h | i | w j], axis number 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.rewrite.axes.atoms import Atoms, atoms_of, size_of
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import consecutive

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["AxisView", "axis_view"]


@dataclass(frozen=True)
class AxisView:
    """`node` has the logical axis `dim` of `carrier` as its axis `number`; `start` atoms lie before it."""

    carrier: Carrier
    dim: int
    node: fx.Node
    number: int
    start: int

    def became(self, node: fx.Node, atoms: Atoms) -> Carrier:
        """What `node` carries, in whose memory `atoms` have taken the place of the axis."""
        dims, order = self.carrier.dims, self.carrier.order
        behind = order[self.start + len(dims[self.dim]) :]
        return Carrier(node, order[: self.start] + atoms + behind, (*dims[: self.dim], atoms, *dims[self.dim + 1 :]))

    def resized(self, node: fx.Node, size: int) -> Carrier:
        """What `node` carries, whose axis has `size` other elements."""
        return self.became(node, atoms_of((size,)))

    def without(self, node: fx.Node) -> Carrier:
        """What `node` carries, which has lost the axis."""
        gone = self.became(node, ())
        return gone.with_dims((*gone.dims[: self.dim], *gone.dims[self.dim + 1 :]))


def axis_view(sketch: Sketch, carrier: Carrier, dim: int, *, room: int = 0) -> AxisView:
    """The logical axis brought together in memory. The node's axes stay as they are where one of them is that axis and
    `room` more would not be too many."""
    atoms = carrier.dims[dim]
    carrier = consecutive(sketch, carrier, atoms)
    own = own_axes(carrier.node, carrier.order)
    if own is not None and atoms in own and len(own) + room <= sketch.bound:
        number = own.index(atoms)
        return AxisView(carrier, dim, carrier.node, number, sum(len(axis) for axis in own[:number]))
    start = carrier.order.index(atoms[0]) if atoms else 0
    before, behind = carrier.order[:start], carrier.order[start + len(atoms) :]
    sizes = [*([size_of(before)] if before else []), size_of(atoms), *([size_of(behind)] if behind else [])]
    return AxisView(carrier, dim, sketch.reshape(carrier.node, sizes), int(bool(before)), start)
