"""Several values as one: cat along an axis, stack along a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.align import aligned
from mobiledeploy.rewrite.axes.atoms import Atoms, atoms_of, flat, size_of
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import arranged, grouped, joined
from mobiledeploy.rewrite.axes.regroup import fused

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS"]


def _cat(call: Invocation) -> Carrier:
    carriers: list[Carrier] = list(call["tensors"])
    return _joined(call, carriers, call["dim"] % len(carriers[0].dims))


def _stack(call: Invocation) -> Carrier:
    carriers: list[Carrier] = list(call["tensors"])
    axis = call["dim"] % (len(carriers[0].dims) + 1)
    return _joined(call, [c.with_dims((*c.dims[:axis], (), *c.dims[axis:])) for c in carriers], axis)


def _joined(call: Invocation, carriers: list[Carrier], axis: int) -> Carrier:
    """cat(x, y)  ──▶  cat([before | axis of x | behind], [before | axis of y | behind])"""
    sketch = call.sketch
    own: list[Atoms] = []
    others: list[Carrier] = []
    for carrier in carriers:
        together, atom = _as_one(call, carrier, axis)
        own.append(atom)
        # Only the other axes have to agree.
        others.append(together.with_dims((*together.dims[:axis], *together.dims[axis + 1 :])))
    others = aligned(sketch, others)
    others = [joined(sketch, carrier, carrier.logical) for carrier in others]
    number, rest, place = _leader(others, own, axis)
    before, behind = rest[:place], rest[place:]
    placed = [arranged(sketch, c, before + atoms + behind) for c, atoms in zip(others, own, strict=True)]
    front, back = _cut(placed[number], own[number], place, sketch.bound) or ([before], [behind])
    nodes = [grouped(sketch, c, [*front, atoms, *back]) for c, atoms in zip(placed, own, strict=True)]
    node = sketch.call(aten.cat.default, (nodes, len(front)))
    dims = list(others[0].dims)
    for carrier in others:
        dims = [dim or other for dim, other in zip(dims, carrier.dims, strict=True)]
    grown = atoms_of((shape(node)[len(front)],))
    return Carrier(node, before + grown + behind, (*dims[:axis], grown, *dims[axis:]))


def _as_one(call: Invocation, carrier: Carrier, axis: int) -> tuple[Carrier, Atoms]:
    if not carrier.dims[axis]:
        return carrier, ()
    carrier, atom = fused(call.sketch, carrier, carrier.dims[axis])
    return carrier, (atom,)


def _leader(carriers: list[Carrier], own: list[Atoms], axis: int) -> tuple[int, Atoms, int]:
    """The largest carrier, its order without the axis, and the place of the axis in it: where it lies, or else before
    what follows it logically."""
    number = max(range(len(carriers)), key=lambda i: (bool(own[i]), size_of(carriers[i].order)))
    order, atoms = carriers[number].order, own[number]
    rest = tuple(atom for atom in order if atom not in atoms)
    if atoms:
        return number, rest, order.index(atoms[0])
    behind = flat(carriers[number].dims[axis:])
    return number, rest, rest.index(behind[0]) if behind else len(rest)


def _cut(leader: Carrier, atoms: Atoms, place: int, bound: int) -> tuple[list[Atoms], list[Atoms]] | None:
    """The leader's axes before and behind the axis of `atoms`, `place` atoms from the front, if it has them."""
    own = own_axes(leader.node, leader.order)
    ends = [len(flat(own[:i])) for i in range(len(own) + 1)] if own is not None else []
    if own is None or place not in ends:
        return None
    split = ends.index(place)
    front, back = own[:split], own[split:]
    if back and back[0] == atoms:
        back = back[1:]
    elif atoms:
        return None
    return (front, back) if len(front) + 1 + len(back) <= bound else None


HANDLERS: dict[Any, Handler] = {
    aten.cat.default: _cat,
    aten.concat.default: _cat,
    aten.concatenate.default: _cat,
    aten.stack.default: _stack,
}
