"""Operators that look at the last axes and do not care how the ones before them are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.atoms import Atoms, atoms_of, flat
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.layout import arranged, exact, trailing

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS"]


def _linear(call: Invocation) -> Carrier:
    x = call.carrier("input")
    if call.sketch.settles("map"):
        present = set(x.order)
        axes = [tuple(atom for atom in dim if atom in present) for dim in x.dims]
        x = arranged(call.sketch, x, flat(axes), [axis for axis in axes if axis])
    x, node = trailing(call.sketch, x, 1)
    result = call.again(input=node, **_constants(call, "weight", "bias"))
    out = atoms_of(shape(result)[-1:])
    kept = x.order[: len(x.order) - len(x.dims[-1])]
    return Carrier(result, kept + out, (*x.dims[:-1], out))


def _norm(call: Invocation) -> Carrier:
    """layer_norm, rms_norm: over the last axes, elementwise among the others"""
    x, node = trailing(call.sketch, call.carrier("input"), len(call["normalized_shape"]))
    return Carrier(call.again(input=node, **_constants(call, "weight", "bias")), x.order, x.dims)


def _picture(call: Invocation) -> Carrier:
    """pixel_shuffle and its inverse: channels, rows and columns get other sizes"""
    x, node = trailing(call.sketch, call.carrier(), 3)
    result = call.again(self=node)
    sizes = [atoms_of((size,)) for size in shape(result)[-3:]]
    kept = x.order[: len(x.order) - len(flat(x.dims[-3:]))]
    return Carrier(result, kept + flat(sizes), (*x.dims[:-3], *sizes))


def _triangle(call: Invocation) -> Carrier:
    x, node = trailing(call.sketch, call.carrier(), 2)
    return Carrier(call.again(self=node), x.order, x.dims)


def _embedding(call: Invocation) -> Carrier:
    """embedding(table, indices)  ──▶  the indices as one line"""
    indices = call.carrier("indices")
    line = call.sketch.reshape(indices.node, [-1]) if not indices.missing else exact(call.sketch, indices)
    line = call.sketch.reshape(line, [-1])
    order = indices.logical if indices.missing else indices.order
    node = call.again(weight=exact(call.sketch, call.carrier("weight")), indices=line)
    features: Atoms = atoms_of(shape(node)[-1:])
    return Carrier(node, order + features, (*indices.dims, features))


def _constants(call: Invocation, *names: str) -> dict[str, Any]:
    """Arguments of few axes, as they are."""
    given = {name: call.given.get(name) for name in names}
    return {name: exact(call.sketch, value) for name, value in given.items() if isinstance(value, Carrier)}


HANDLERS: dict[Any, Handler] = {
    aten.embedding.default: _embedding,
    aten.layer_norm.default: _norm,
    aten.linear.default: _linear,
    aten.pixel_shuffle.default: _picture,
    aten.pixel_unshuffle.default: _picture,
    aten.rms_norm.default: _norm,
    aten.tril.default: _triangle,
    aten.triu.default: _triangle,
}
