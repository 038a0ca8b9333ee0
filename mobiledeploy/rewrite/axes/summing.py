"""The sum of a carrier over some of its atoms."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, runs_by
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import arranged, grouped

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["reduced_axes", "summed"]


def reduced_axes(sketch: Sketch, x: Carrier, reduced: AbstractSet[Atom]) -> tuple[fx.Node, list[int]]:
    """A node with the atoms `reduced` in axes of their own, one of size 1 if there are none; and these axes."""
    cut = own_axes(x.node, x.order)
    if cut is None or not reduced or any(0 < len(reduced & set(axis)) < len(axis) for axis in cut):
        cut = next((cut for cut in _cuts(x, reduced) if len(cut) + (not reduced) <= sketch.bound), None)
        if cut is None:
            x = arranged(sketch, x, tuple(sorted(x.order, key=lambda atom: atom in reduced)))
            *_, cut = _cuts(x, reduced)
        cut = cut if reduced else [*cut, ()]
    numbers = [i for i, axis in enumerate(cut) if (axis[0] in reduced if axis else not reduced)]
    return grouped(sketch, x, cut), numbers


def _cuts(x: Carrier, reduced: AbstractSet[Atom]) -> Iterator[list[Atoms]]:
    """The memory cut where the logical axes change, and where only `reduced` begins or ends."""
    axis = {atom: number for number, dim in enumerate(x.dims) for atom in dim}
    yield runs_by(x.order, {atom: (atom in reduced, axis.get(atom)) for atom in x.order})
    yield runs_by(x.order, {atom: atom in reduced for atom in x.order})


def summed(sketch: Sketch, x: Carrier, kept: AbstractSet[Atom]) -> Carrier:
    """`x` summed over what lies in it and is not `kept`; nothing is drawn if that is nothing."""
    gone = set(x.order) - kept
    if not gone:
        return x
    node, axes = reduced_axes(sketch, x, gone)
    order = tuple(atom for atom in x.order if atom not in gone)
    result = sketch.call(aten.sum.dim_IntList, (node, axes))
    return Carrier(result, order, tuple(tuple(atom for atom in dim if atom not in gone) for dim in x.dims))
