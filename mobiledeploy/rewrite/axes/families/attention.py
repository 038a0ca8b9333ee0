"""Scaled dot-product attention over any number of batch axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.align import aligned
from mobiledeploy.rewrite.axes.atoms import Atom, Atoms, flat, runs_by
from mobiledeploy.rewrite.axes.carrier import Carrier, own_axes
from mobiledeploy.rewrite.axes.layout import arranged, grouped, joined
from mobiledeploy.rewrite.axes.sketch import Unbounded

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation
    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["HANDLERS"]

# The named axes behind the batch: queries, keys, the width of both, the width of the values.
_QUERIES, _KEYS, _WIDTH, _VALUES = range(4)
_AXES = {"query": (_QUERIES, _WIDTH), "key": (_KEYS, _WIDTH), "value": (_KEYS, _VALUES), "attn_mask": (_QUERIES, _KEYS)}


def _attention(call: Invocation) -> Carrier:
    """attention(q, k, v) of (…, L, E)  ──▶  attention of [batch | L | E], the batch in the order of the queries"""
    if call["enable_gqa"]:
        raise Unbounded("its queries share heads of keys (enable_gqa)")
    names = [name for name in _AXES if isinstance(call[name], Carrier)]
    rank = len(call.shape) - 2
    carriers = aligned(call.sketch, [_named(call.carrier(name), _AXES[name], rank) for name in names])
    dims = [_dim(carriers, axis) for axis in range(rank + 4)]
    batch = flat(dims[:rank])
    whole = [joined(call.sketch, _over(carrier, batch, rank), batch + carrier.logical) for carrier in carriers[:3]]
    order = tuple(atom for atom in whole[0].order if atom in set(batch))
    given = dict(zip(names, [*whole, *carriers[3:]], strict=True))
    placed = {
        name: arranged(call.sketch, x, _target(x, order, [dims[rank + axis] for axis in _AXES[name]]))
        for name, x in given.items()
    }
    cut = _batch_axes(call.sketch, placed, order)
    if cut is None:
        placed["attn_mask"] = _spread(call.sketch, placed["attn_mask"], order, rank)
        cut = [order]
    nodes = {
        name: grouped(call.sketch, x, [*cut, *(dims[rank + axis] for axis in _AXES[name])])
        for name, x in placed.items()
    }
    ends = [dims[rank + _QUERIES], dims[rank + _VALUES]]
    return Carrier(call.again(**nodes), order + flat(ends), (*dims[:rank], *ends))


def _named(x: Carrier, axes: Sequence[int], rank: int) -> Carrier:
    """With the batch axes first and its last two at the places `axes` behind them."""
    named: list[Atoms] = [()] * 4
    for axis, dim in zip(axes, x.dims[-2:], strict=False):
        named[axis] = dim
    batch = x.dims[:-2]
    return x.with_dims((*((),) * (rank - len(batch)), *batch, *named))


def _dim(carriers: Sequence[Carrier], axis: int) -> Atoms:
    return next((carrier.dims[axis] for carrier in carriers if carrier.dims[axis]), ())


def _over(x: Carrier, batch: Atoms, rank: int) -> Carrier:
    """With the whole batch in the place of its `rank` batch axes; what it lacks is broadcast."""
    return x.with_dims((batch, *x.dims[rank:]))


def _target(x: Carrier, batch: Atoms, ends: Sequence[Atoms]) -> Atoms:
    own = set(x.order)
    return tuple(atom for atom in batch + flat(ends) if atom in own)


def _batch_axes(sketch: Sketch, placed: dict[str, Carrier], order: Atoms) -> list[Atoms] | None:
    """The batch as axes that the mask has whole or lacks: those of the queries, or as few as can be; None where even
    these are too many."""
    mask = set(placed["attn_mask"].order) if "attn_mask" in placed else set(order)
    key: dict[Atom, object] = {atom: atom in mask for atom in order}
    coarse = runs_by(order, key) or [()]
    own = own_axes(placed["query"].node, placed["query"].order) or []
    fine = own[:-2]
    if (
        flat(fine) == order
        and fine
        and len(own) <= sketch.bound
        and all(len({key[a] for a in axis}) < 2 for axis in fine)
    ):
        return fine
    return coarse if len(coarse) + 2 <= sketch.bound else None


def _spread(sketch: Sketch, mask: Carrier, order: Atoms, rank: int) -> Carrier:
    """The mask written out over the batch."""
    whole = joined(sketch, _over(mask, order, rank), order)
    own = set(order)
    return arranged(sketch, whole, order + tuple(atom for atom in whole.order if atom not in own))


HANDLERS: dict[Any, Handler] = {aten.scaled_dot_product_attention.default: _attention}
