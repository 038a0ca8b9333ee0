"""Operators for which the second axis is that of the channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.axis_view import axis_view
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.layout import arranged, exact, grouped, joined

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS"]


def _places_alike(call: Invocation) -> Carrier:
    """batch_norm, prelu  ──▶  the same on [before | channels | behind]: every place of a channel is treated alike"""
    source = "input" if "input" in call.given else "self"
    view = axis_view(call.sketch, call.carrier(source), 1)
    sizes = shape(view.node)
    around = math.prod(sizes[: view.number]), math.prod(sizes[view.number + 1 :])
    node = call.sketch.reshape(view.node, [around[0], sizes[view.number], around[1]])
    result = call.again(**{**_constants(call), source: node})
    return Carrier(result, view.carrier.order, view.carrier.dims)


def _of_each_example(call: Invocation) -> Carrier:
    """group_norm, instance_norm  ──▶  the same on [batch | channels | the rest in any order]"""
    x = joined(call.sketch, call.carrier("input"), call.carrier("input").logical)
    front = x.dims[0] + x.dims[1]
    rest = tuple(atom for atom in x.order if atom not in set(front))
    x = arranged(call.sketch, x, front + rest)
    node = grouped(call.sketch, x, [x.dims[0], x.dims[1], rest])
    return Carrier(call.again(**{**_constants(call), "input": node}), x.order, x.dims)


def _constants(call: Invocation) -> dict[str, Any]:
    """Weights and statistics, as they are."""
    given = {name: value for name, value in call.given.items() if isinstance(value, Carrier) and len(value.dims) < 2}
    return {name: exact(call.sketch, value) for name, value in given.items()}


HANDLERS: dict[Any, Handler] = {
    aten.batch_norm.default: _places_alike,
    aten.group_norm.default: _of_each_example,
    aten.instance_norm.default: _of_each_example,
    aten.prelu.default: _places_alike,
}
