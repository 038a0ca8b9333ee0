"""Elements at places that tensors of indices name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.atoms import atoms_of, flat
from mobiledeploy.rewrite.axes.axis_view import axis_view
from mobiledeploy.rewrite.axes.layout import exact
from mobiledeploy.rewrite.axes.regroup import reshaped
from mobiledeploy.rewrite.axes.sketch import Unbounded

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.carrier import Carrier
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS"]


def _index_select(call: Invocation) -> Carrier:
    view = axis_view(call.sketch, call.carrier(), call.axis())
    node = call.again(self=view.node, dim=view.number, index=exact(call.sketch, call.carrier("index")))
    return view.resized(node, shape(node)[view.number])


def _index(call: Invocation) -> Carrier:
    """x[:, i, j]  ──▶  the axes of i and j as one, [before | both | behind], at the places i * size(j) + j as one line

    What the indices give stands where they stand; in front of all else if they do not stand side by side (NumPy,
    "Combining advanced and basic indexing").
    """
    x, indices = call.carrier(), call["indices"]
    given = [axis for axis, index in enumerate(indices) if index is not None]
    nodes = [exact(call.sketch, indices[axis]) for axis in given]
    if any(node.meta["val"].dtype is torch.bool for node in nodes):
        raise Unbounded("a mask chooses its elements")
    first = given[0]
    if given != list(range(first, first + len(given))):
        others = [axis for axis in range(len(x.dims)) if axis not in given]
        x, first = x.with_dims(x.dims[axis] for axis in (*given, *others)), 0
    sizes = x.shape[first : first + len(given)]
    x = reshaped(call.sketch, x, (*x.shape[:first], math.prod(sizes), *x.shape[first + len(given) :]))
    places = _places(call, nodes, sizes)
    view = axis_view(call.sketch, x, first)
    node = call.again(self=view.node, indices=[*[None] * view.number, call.sketch.reshape(places, [-1])])
    dims = tuple(atoms_of((size,)) for size in shape(places))
    result = view.became(node, flat(dims))
    return result.with_dims((*result.dims[:first], *dims, *result.dims[first + 1 :]))


def _places(call: Invocation, nodes: list[fx.Node], sizes: tuple[int, ...]) -> fx.Node:
    """The places along the joined axis; an index counts from the end where it is negative."""
    places = nodes[0]
    for node, size in zip(nodes[1:], sizes[1:], strict=True):
        whole = [call.sketch.call(aten.remainder.Scalar, (one, n)) for one, n in ((places, sizes[0]), (node, size))]
        places = call.sketch.call(aten.add.Tensor, (call.sketch.call(aten.mul.Tensor, (whole[0], size)), whole[1]))
        sizes = (sizes[0] * size, *sizes[1:])
    return places


HANDLERS: dict[Any, Handler] = {
    aten.index.Tensor: _index,
    aten.index_select.default: _index_select,
}
