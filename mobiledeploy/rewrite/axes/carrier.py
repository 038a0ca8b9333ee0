"""A tensor of any rank, carried by a node of few axes.

    value (B, H/7, W/7, 7, 7, C), never made          dims  ((B,), (h,), (w,), (i,), (j,), (C,))
    carried by x (B, H, W, C), as it lies in memory   order (B, h, i, w, j, C)

An atom of `dims` that `order` lacks is broadcast: the carrier holds its values once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import shape
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, atoms_of, flat, size_of

if TYPE_CHECKING:
    from torch import fx

__all__ = ["Carrier", "own_axes", "whole"]


@dataclass(frozen=True)
class Carrier:
    """`node`: lies in memory in `order`, whatever its shape. `dims`: the logical axes of the value that it carries."""

    node: fx.Node
    order: Atoms
    dims: tuple[Atoms, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return tuple(size_of(dim) for dim in self.dims)

    @property
    def logical(self) -> Atoms:
        """All atoms, in the order of the logical axes."""
        return flat(self.dims)

    @property
    def missing(self) -> Atoms:
        """What is broadcast."""
        present = set(self.order)
        return tuple(atom for atom in self.logical if atom not in present)

    def with_dims(self, dims: Iterable[Atoms]) -> Carrier:
        return Carrier(self.node, self.order, tuple(dims))

    def substituted(self, parts: Mapping[Atom, Atoms]) -> Carrier:
        """Each atom of `parts` replaced by its factors."""

        def cut(atoms: Atoms) -> Atoms:
            return flat(parts.get(atom, (atom,)) for atom in atoms)

        return Carrier(self.node, cut(self.order), tuple(cut(dim) for dim in self.dims))


def whole(node: fx.Node) -> Carrier:
    """A node that carries itself: one atom for each of its axes."""
    dims = tuple(atoms_of((size,)) for size in shape(node))
    return Carrier(node, flat(dims), dims)


def own_axes(node: fx.Node, order: Atoms) -> list[Atoms] | None:
    """The atoms along each axis of `node`, which lies in `order`; None where an atom reaches over two axes."""
    axes: list[Atoms] = []
    rest = list(order)
    for size in shape(node):
        axis: list[Atom] = []
        while size_of(axis) < size:
            axis.append(rest.pop(0))
        if size_of(axis) != size:
            return None
        axes.append(tuple(axis))
    return axes
