"""Operators that make one number of many: over any set of axes at once where that is allowed, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.atoms import Atoms, flat
from mobiledeploy.rewrite.axes.axis_view import axis_view
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.layout import exact, grouped, joined
from mobiledeploy.rewrite.axes.summing import reduced_axes

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation, Value

__all__ = ["HANDLERS"]


def _over_axes(call: Invocation) -> Value:
    """mean(x, axes)  ──▶  mean(x as [kept | reduced | kept | …])"""
    axes = call.axes()
    x = joined(call.sketch, call.carrier(), flat(call.carrier().dims[axis] for axis in axes))
    reduced = set(flat(x.dims[axis] for axis in axes))
    node, numbers = reduced_axes(call.sketch, x, reduced)
    result = call.again(self=node, dim=numbers, keepdim=False)
    kept = tuple(atom for atom in x.order if atom not in reduced)
    dims = _dims(x.dims, axes, bool(call["keepdim"]))
    if isinstance(result.meta["val"], tuple | list):
        elements = range(len(result.meta["val"]))
        return tuple(Carrier(call.sketch.element(result, i), kept, dims) for i in elements)
    return Carrier(result, kept, dims)


def _dims(dims: tuple[Atoms, ...], axes: Iterable[int], keeps: bool) -> tuple[Atoms, ...]:
    gone = set(axes)
    return tuple(() if axis in gone else dim for axis, dim in enumerate(dims) if keeps or axis not in gone)


def _over_one_axis(call: Invocation) -> Value:
    """argmax(x, dim), max(x, dim)  ──▶  the same on [before | axis | behind]"""
    x = call.carrier()
    if call["dim"] is None:
        return _over_all_in_order(call)
    view = axis_view(call.sketch, x, call.axis())
    result = call.again(self=view.node, dim=view.number, keepdim=False)
    keeps = bool(call["keepdim"])

    def carried(node: fx.Node) -> Carrier:
        return view.became(node, ()) if keeps else view.without(node)

    if isinstance(result.meta["val"], tuple | list):
        return tuple(carried(call.sketch.element(result, i)) for i in range(len(result.meta["val"])))
    return carried(result)


def _over_all_in_order(call: Invocation) -> Carrier:
    """argmax(x) counts the elements in logical order."""
    x = call.carrier()
    line = exact(call.sketch, Carrier(x.node, x.order, (x.logical,)))
    return Carrier(call.again(self=line, keepdim=False), (), ((),) * len(call.shape))


def _over_all(call: Invocation) -> Carrier:
    """sum(x): in any order"""
    x = joined(call.sketch, call.carrier(), call.carrier().logical)
    node = x.node if len(x.node.meta["val"].shape) <= call.sketch.bound else grouped(call.sketch, x, [x.order])
    return Carrier(call.again(self=node), (), ())


_OVER_AXES = (
    aten.all.dims,
    aten.amax.default,
    aten.amin.default,
    aten.any.dims,
    aten.linalg_vector_norm.default,
    aten.logsumexp.default,
    aten.mean.dim,
    aten.norm.ScalarOpt_dim,
    aten.std.correction,
    aten.std.dim,
    aten.std_mean.correction,
    aten.std_mean.dim,
    aten.sum.dim_IntList,
    aten.var.correction,
    aten.var.dim,
    aten.var_mean.correction,
    aten.var_mean.dim,
)
_OVER_ONE_AXIS = (
    aten.all.dim,
    aten.any.dim,
    aten.argmax.default,
    aten.argmin.default,
    aten.max.dim,
    aten.median.dim,
    aten.min.dim,
    aten.prod.dim_int,
)
_OVER_ALL = (
    aten.all.default,
    aten.any.default,
    aten.max.default,
    aten.mean.default,
    aten.min.default,
    aten.norm.Scalar,
    aten.prod.default,
    aten.std.default,
    aten.sum.default,
    aten.var.default,
)

HANDLERS: dict[Any, Handler] = {
    **dict.fromkeys(_OVER_AXES, _over_axes),
    **dict.fromkeys(_OVER_ONE_AXIS, _over_one_axis),
    **dict.fromkeys(_OVER_ALL, _over_all),
}
