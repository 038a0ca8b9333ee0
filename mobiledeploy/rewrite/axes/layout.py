"""Bringing a carrier's memory into an order: what a permute is put off to.

order (h, i, w, j) wanted as (h, w, i, j):   reshape ── permute ── reshape, the reshapes only where needed
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.atoms import Atoms, flat, runs_by, size_of
from mobiledeploy.rewrite.axes.block_order import Step, block_steps
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["arranged", "consecutive", "exact", "filled", "grouped", "joined", "moves", "trailing"]


def moves(order: Atoms, wanted: Atoms, bound: int, own: Sequence[Atoms] = ()) -> tuple[Step, ...]:
    """The permutes that bring `order` into `wanted`, as ranges of positions. `own`: the axes that are there."""
    position = {atom: place for place, atom in enumerate(order)}
    ends = frozenset(accumulate(len(axis) for axis in own))
    return block_steps(tuple(position[atom] for atom in wanted), bound, ends)


def arranged(sketch: Sketch, carrier: Carrier, wanted: Atoms, axes: Sequence[Atoms] = ()) -> Carrier:
    """`carrier` with its memory in the order `wanted`. `axes`: how the result will be cut into axes, if known."""
    node, order = carrier.node, carrier.order
    for step in moves(order, wanted, sketch.bound, own_axes(node, order) or ()):
        after = tuple(order[place] for start, stop in step for place in range(start, stop))
        node = _permuted(sketch, node, order, [order[start:stop] for start, stop in step], axes)
        order = after
    return Carrier(node, order, carrier.dims)


def _permuted(sketch: Sketch, node: fx.Node, order: Atoms, blocks: list[Atoms], axes: Sequence[Atoms]) -> fx.Node:
    """One permute, which puts `blocks` in this sequence; on the axes that are there or that will be wanted if it can
    be, which saves a reshape before or behind it."""
    own = own_axes(node, order)
    sequence = None if own is None else _sequence(own, blocks, axes)
    if sequence is not None:
        return sketch.permute(node, sequence)
    cut = blocks
    if flat(axes) == flat(blocks) and len(axes) <= sketch.bound and _sequence(axes, blocks, ()) is not None:
        cut = list(axes)
    before = sorted(range(len(cut)), key=lambda axis: order.index(cut[axis][0]) if cut[axis] else -1)
    viewed = sketch.reshape(node, [size_of(cut[axis]) for axis in before])
    return sketch.permute(viewed, [before.index(axis) for axis in range(len(cut))])


def _sequence(own: Sequence[Atoms], blocks: Sequence[Atoms], axes: Sequence[Atoms]) -> list[int] | None:
    """The numbers of `own` in the sequence of `blocks`, each of which must be some of these axes. An axis of size 1
    stays before the one behind it, or goes where `axes`, the shape that will be wanted, has one."""
    owner = {atom: number for number, block in enumerate(blocks) for atom in block}
    if any(len({owner[atom] for atom in axis}) > 1 for axis in own):
        return None
    last = len(blocks)
    keys, key = [0] * len(own), last
    for number in reversed(range(len(own))):
        key = owner[own[number][0]] if own[number] else key
        keys[number] = key
    sequence = sorted(range(len(own)), key=keys.__getitem__)
    wide = [own[number] for number in sequence if own[number]]
    if len(axes) == len(own) and wide == [axis for axis in axes if axis]:
        ones = iter(number for number in sequence if not own[number])
        others = iter(number for number in sequence if own[number])
        return [next(others if axis else ones) for axis in axes]
    return sequence


def filled(sketch: Sketch, carrier: Carrier, wanted: Atoms) -> Carrier:
    """`carrier` with the atoms of `wanted` that it lacks written out; the others must lie in that order already."""
    order = carrier.order
    node = carrier.node
    while order != wanted:
        present = set(order)
        runs = runs_by(wanted, {atom: atom in present for atom in wanted})
        if len(runs) > sketch.bound:  # the first one alone
            first = next(run for run in runs if run[0] not in present)
            wanted_now = tuple(atom for atom in wanted if atom in present or atom in first)
            runs = runs_by(wanted_now, {atom: atom in present for atom in wanted_now})
        node = sketch.reshape(node, [size_of(run) if run[0] in present else 1 for run in runs])
        node = sketch.call(aten.expand.default, (node, [size_of(run) for run in runs]))
        order = flat(runs)
    return Carrier(node, order, carrier.dims)


def joined(sketch: Sketch, carrier: Carrier, atoms: Atoms) -> Carrier:
    """`carrier` with those of `atoms` that are broadcast written out, each before what follows it logically."""
    missing = [atom for atom in carrier.missing if atom in set(atoms)]
    order = list(carrier.order)
    for atom in reversed(missing):
        later = carrier.logical[carrier.logical.index(atom) + 1 :]
        behind = next((other for other in later if other in order), None)
        order.insert(len(order) if behind is None else order.index(behind), atom)
    return filled(sketch, carrier, tuple(order)) if missing else carrier


def exact(sketch: Sketch, carrier: Carrier) -> fx.Node:
    """The value itself, as an ordinary node of its own shape."""
    present = set(carrier.order)
    axes = [tuple(atom for atom in dim if atom in present) for dim in carrier.dims]
    placed = arranged(sketch, carrier, flat(axes), axes)
    return sketch.reshape(filled(sketch, placed, carrier.logical).node, carrier.shape)


def grouped(sketch: Sketch, carrier: Carrier, groups: Sequence[Atoms]) -> fx.Node:
    """The node with one axis for each of `groups`, whose sequence must be that of the memory. A group that the carrier
    lacks altogether has size 1 there."""
    present = set(carrier.order)
    sizes = [size_of(atom for atom in group if atom in present) for group in groups]
    return sketch.reshape(carrier.node, sizes)


def consecutive(sketch: Sketch, carrier: Carrier, atoms: Atoms) -> Carrier:
    """`carrier` with `atoms` present, and side by side in memory in this sequence; at the place that costs least."""
    carrier = joined(sketch, carrier, atoms)
    chosen = set(atoms)
    rest = tuple(atom for atom in carrier.order if atom not in chosen)
    before = list(accumulate((atom not in chosen for atom in carrier.order), initial=0))
    places = {before[carrier.order.index(atom)] for atom in atoms} | {0, len(rest)}
    candidates = [rest[:place] + atoms + rest[place:] for place in sorted(places)]
    return arranged(sketch, carrier, min(candidates, key=lambda order: _effort(carrier.order, order, sketch.bound)))


def _effort(order: Atoms, wanted: Atoms, bound: int) -> tuple[int, int]:
    steps = moves(order, wanted, bound)
    return len(steps), sum(len(step) for step in steps)


def trailing(sketch: Sketch, carrier: Carrier, number: int) -> tuple[Carrier, fx.Node]:
    """The last `number` logical axes as the last axes of a node; the others in front as they lie in memory."""
    last = carrier.dims[len(carrier.dims) - number :]
    carrier = joined(sketch, carrier, flat(last))
    chosen = set(flat(last))
    rest = tuple(atom for atom in carrier.order if atom not in chosen)
    carrier = arranged(sketch, carrier, rest + flat(last))
    own = own_axes(carrier.node, carrier.order)
    if own is not None and len(own) > number and own[len(own) - number :] == list(last):
        return carrier, carrier.node
    return carrier, sketch.reshape(carrier.node, [size_of(rest), *(size_of(dim) for dim in last)])
