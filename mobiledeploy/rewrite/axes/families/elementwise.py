"""Operators that compute each element from those at the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.align import aligned, brought_together
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.sketch import Unbounded

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.atoms import Atoms
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS", "elementwise", "is_elementwise"]

# Elementwise, but without torch's tag.
_UNTAGGED = {
    aten.floor_divide.default,
    aten.hardswish.default,
    aten.log_sigmoid.default,
    aten.masked_fill.Tensor,
    aten.where.Scalar,
    aten.where.ScalarOther,
    aten.where.ScalarSelf,
    aten._to_copy.default,
    aten.to.dtype,
}


def is_elementwise(target: Any) -> bool:
    """Whether an operator computes each element from those at the same place of its arguments."""
    return target in _UNTAGGED or torch.Tag.pointwise in getattr(target, "tags", ())


def elementwise(call: Invocation) -> Carrier:
    """op(x, y)  ──▶  op(x as it lies, y in the same order)"""
    if not isinstance(call.node.meta["val"], torch.Tensor):
        raise Unbounded("it gives several values for each element")
    names = [name for name, value in call.given.items() if isinstance(value, Carrier)]
    carriers = aligned(call.sketch, [call.carrier(name) for name in names])
    nodes, order = brought_together(call.sketch, carriers)
    return Carrier(call.again(**dict(zip(names, nodes, strict=True))), order, _dims(call, carriers))


def _dims(call: Invocation, carriers: list[Carrier]) -> tuple[Atoms, ...]:
    rank = len(call.shape)
    dims: list[Atoms] = [()] * rank
    for carrier in carriers:
        for axis, dim in enumerate(carrier.dims, start=rank - len(carrier.dims)):
            dims[axis] = dims[axis] or dim
    return tuple(dims)


HANDLERS: dict[Any, Handler] = dict.fromkeys(_UNTAGGED, elementwise)
