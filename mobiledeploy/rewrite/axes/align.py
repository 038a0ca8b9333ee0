"""Values that are broadcast against each other, in the same atoms.

(B, 12) cut (3, 4)   and   (B, 12) cut (2, 6)   ──▶   (2, 6) and (3, 4) interleave: both joined to 12
(B, 12) cut (3, 4)   and   (B, 12) cut (6, 2)   ──▶   both cut (3, 2, 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import shape
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, atoms_of, common_refinement, runs_by, size_of
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import arranged, joined, moves
from mobiledeploy.rewrite.axes.regroup import fused

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["aligned", "brought_together", "common_order"]


def aligned(sketch: Sketch, carriers: Sequence[Carrier]) -> list[Carrier]:
    """The carriers with the same atoms along each logical axis that is wider than 1, counted from the last."""
    result = [_renamed(carrier) for carrier in carriers]
    for axis in range(1, max((len(carrier.dims) for carrier in result), default=0) + 1):
        wide = [i for i, carrier in enumerate(result) if len(carrier.dims) >= axis and carrier.dims[-axis]]
        if len(wide) > 1:
            _align_axis(sketch, result, wide, axis)
    return result


def _renamed(carrier: Carrier) -> Carrier:
    """With atoms of its own: one value may stand in two places, as in x * x.mT."""
    return carrier.substituted({atom: (Atom(atom.size),) for atom in carrier.logical})


def _align_axis(sketch: Sketch, carriers: list[Carrier], wide: list[int], axis: int) -> None:
    factors = common_refinement(*([atom.size for atom in carriers[i].dims[-axis]] for i in wide))
    if factors is None:
        for i in wide:
            carriers[i], _ = fused(sketch, carriers[i], carriers[i].dims[-axis])
        factors = (size_of(carriers[wide[0]].dims[-axis]),)
    common = atoms_of(factors)
    for i in wide:
        carriers[i] = carriers[i].substituted(_parts(carriers[i].dims[-axis], common))


def _parts(old: Atoms, new: Atoms) -> dict[Atom, Atoms]:
    rest = list(new)
    parts: dict[Atom, Atoms] = {}
    for atom in old:
        taken: list[Atom] = []
        while size_of(taken) < atom.size:
            taken.append(rest.pop(0))
        parts[atom] = tuple(taken)
    return parts


def common_order(sketch: Sketch, carriers: Sequence[Carrier]) -> Atoms:
    """The order of all atoms present that moves the fewest elements, and of these the one with the fewest groups that
    some carriers have and others lack."""
    leaders = sorted(carriers, key=lambda carrier: -size_of(carrier.order))
    orders = [_extended(leader, carriers) for leader in leaders]
    orders += [_by_presence(order, carriers) for order in orders]
    return min(orders, key=lambda order: _work(sketch, order, carriers))


def _extended(leader: Carrier, carriers: Sequence[Carrier]) -> Atoms:
    """The leader's order, and what others have besides: right behind what it follows there."""
    order = list(leader.order)
    for carrier in carriers:
        for before, atom in pairwise((None, *carrier.order)):
            if atom is not None and atom not in order:
                order.insert(0 if before is None else order.index(before) + 1, atom)
    return tuple(order)


def _presence(atoms: Atoms, carriers: Sequence[Carrier]) -> dict[Atom, object]:
    present = [set(carrier.order) for carrier in carriers]
    return {atom: tuple(atom in atoms_of_one for atoms_of_one in present) for atom in atoms}


def _by_presence(order: Atoms, carriers: Sequence[Carrier]) -> Atoms:
    """What the same carriers have, side by side: as few groups as can be."""
    presence = _presence(order, carriers)
    first: dict[object, int] = {}
    for place, atom in enumerate(order):
        first.setdefault(presence[atom], place)
    return tuple(sorted(order, key=lambda atom: first[presence[atom]]))


def _work(sketch: Sketch, order: Atoms, carriers: Sequence[Carrier]) -> tuple[bool, int, int]:
    moved = groups = 0
    for carrier in carriers:
        own = set(carrier.order)
        steps = moves(carrier.order, tuple(atom for atom in order if atom in own), sketch.bound)
        moved += 0 if sketch.is_constant(carrier.node) else len(steps) * size_of(carrier.order)
    groups = len(runs_by(order, _presence(order, carriers)))
    return groups > sketch.bound, moved, groups


def brought_together(sketch: Sketch, carriers: Sequence[Carrier]) -> tuple[list[fx.Node], Atoms]:
    """Nodes that broadcast against each other as the carriers do, and the order in which the result lies."""
    placed = list(carriers)
    while True:
        order = common_order(sketch, placed)
        groups = runs_by(order, _presence(order, placed))
        if len(groups) <= sketch.bound:
            break
        # Too many patterns of presence: the smallest carrier is written out, which leaves fewer.
        lacking = [i for i, carrier in enumerate(placed) if set(order) - set(carrier.order)]
        smallest = min(lacking, key=lambda i: size_of(placed[i].order))
        placed[smallest] = joined(sketch, placed[smallest].with_dims((atom,) for atom in order), order)
    placed = [_placed(sketch, carrier, order) for carrier in placed]
    cut = _finest(sketch, placed, order, groups)
    return [_viewed(sketch, carrier, cut) for carrier in placed], order


def _placed(sketch: Sketch, carrier: Carrier, order: Atoms) -> Carrier:
    own = set(carrier.order)
    return arranged(sketch, carrier, tuple(atom for atom in order if atom in own))


def _finest(sketch: Sketch, carriers: Sequence[Carrier], order: Atoms, groups: list[Atoms]) -> list[Atoms]:
    """The cut of `order` into axes that needs the fewest reshapes: `groups`, or the axes that a carrier has."""
    cuts = [groups]
    for carrier in carriers:
        own = own_axes(carrier.node, carrier.order)
        if own is not None:
            finer = _cut_at(order, groups, [axis for axis in own if axis])
            cuts += [finer] if len(finer) <= sketch.bound else []
    return min(cuts, key=lambda cut: (sum(_reshapes(sketch, carrier, cut) for carrier in carriers), -len(cut)))


def _cut_at(order: Atoms, groups: Sequence[Atoms], own: Sequence[Atoms]) -> list[Atoms]:
    """`groups` cut wherever `own` is cut."""
    key: dict[Atom, object] = {}
    for number, group in enumerate(groups):
        inner = -1
        for atom in group:
            inner = next((i for i, axis in enumerate(own) if atom in axis), inner)
            key[atom] = (number, inner)
    return runs_by(order, key)


def _sizes(carrier: Carrier, cut: Sequence[Atoms]) -> list[int]:
    present = set(carrier.order)
    return [size_of(atom for atom in axis if atom in present) for axis in cut]


def _stripped(sizes: Sequence[int]) -> list[int]:
    """Without the ones in front, which broadcasting brings back."""
    first = next((i for i, size in enumerate(sizes) if size != 1), len(sizes))
    return list(sizes[first:])


def _fits(sketch: Sketch, carrier: Carrier, cut: Sequence[Atoms]) -> bool:
    own = shape(carrier.node)
    return len(own) <= sketch.bound and _stripped(own) == _stripped(_sizes(carrier, cut))


def _reshapes(sketch: Sketch, carrier: Carrier, cut: Sequence[Atoms]) -> int:
    return 0 if _fits(sketch, carrier, cut) or sketch.is_constant(carrier.node) else size_of(carrier.order)


def _viewed(sketch: Sketch, carrier: Carrier, cut: Sequence[Atoms]) -> fx.Node:
    return carrier.node if _fits(sketch, carrier, cut) else sketch.reshape(carrier.node, _sizes(carrier, cut))
