"""Operators that look along one axis: parts of it, or the same elements in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.atoms import Atoms, atoms_of
from mobiledeploy.rewrite.axes.axis_view import AxisView, axis_view
from mobiledeploy.rewrite.axes.carrier import Carrier
from mobiledeploy.rewrite.axes.layout import arranged
from mobiledeploy.rewrite.axes.sketch import Unbounded

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation, Value

__all__ = ["HANDLERS", "settled"]


def _same(call: Invocation) -> Carrier:
    """softmax(x, dim)  ──▶  softmax([before | axis | behind], 1)"""
    view = axis_view(call.sketch, call.carrier(), call.axis())
    return view.became(call.again(self=view.node, dim=view.number), view.carrier.dims[view.dim])


def _part(call: Invocation) -> Carrier:
    """slice(x, dim, …): the axis gets another size"""
    view = axis_view(call.sketch, call.carrier(), call.axis())
    node = call.again(self=view.node, dim=view.number)
    return view.resized(node, shape(node)[view.number])


def _select(call: Invocation) -> Carrier:
    view = axis_view(call.sketch, call.carrier(), call.axis())
    return view.without(call.again(self=view.node, dim=view.number))


def _parts(call: Invocation) -> Value:
    """split(x, sizes, dim), unbind(x, dim): one carrier for each element"""
    x, axis = call.carrier(), call.axis()
    view = axis_view(call.sketch, settled(call, x, axis), axis)
    result = call.again(self=view.node, dim=view.number)
    nodes = [call.sketch.element(result, i) for i in range(len(result.meta["val"]))]
    if len(shape(nodes[0])) < len(shape(view.node)):
        return tuple(view.without(node) for node in nodes)
    return tuple(view.resized(node, shape(node)[view.number]) for node in nodes)


def settled(call: Invocation, x: Carrier, axis: int) -> Carrier:
    """Before an axis comes apart: all else in logical order, so that one permute serves all parts; where the sketch
    puts no order before its time, as it lies."""
    if not call.sketch.settles("parts"):
        return x
    present, own = set(x.order), set(x.dims[axis])
    rest = tuple(atom for atom in x.logical if atom in present and atom not in own)
    if rest == tuple(atom for atom in x.order if atom not in own) or not own <= present:
        return x
    axes = [x.dims[axis], *(dim for other, dim in enumerate(x.dims) if dim and other != axis)]
    return arranged(call.sketch, x, x.dims[axis] + rest, axes)


def _ranked(call: Invocation) -> Value:
    """topk, sort: values and indices"""
    view = axis_view(call.sketch, call.carrier(), call.axis())
    result = call.again(self=view.node, dim=view.number)
    nodes = [call.sketch.element(result, i) for i in range(2)]
    return tuple(_sized_like(view, node) for node in nodes)


def _sized_like(view: AxisView, node: Any) -> Carrier:
    size = shape(node)[view.number]
    kept = size == shape(view.node)[view.number]
    return view.became(node, view.carrier.dims[view.dim]) if kept else view.resized(node, size)


def _flip(call: Invocation) -> Carrier:
    x = call.carrier()
    for axis in [axis % len(x.dims) for axis in call["dims"]]:
        if x.dims[axis]:
            view = axis_view(call.sketch, x, axis)
            x = view.became(call.again(self=view.node, dims=[view.number]), view.carrier.dims[axis])
    return x


def _roll(call: Invocation) -> Carrier:
    x = call.carrier()
    if not call["dims"]:
        raise Unbounded("it rolls over all elements at once")
    for axis, shift in zip(call["dims"], call["shifts"], strict=True):
        view = axis_view(call.sketch, x, axis % len(x.dims))
        node = call.again(self=view.node, shifts=[shift], dims=[view.number])
        x = view.became(node, view.carrier.dims[view.dim])
    return x


def _pad(call: Invocation) -> Carrier:
    """constant_pad_nd counts the axes from the last; each axis that grows is padded by itself"""
    x, amounts = call.carrier(), call["pad"]
    if call.given.get("mode", "constant") != "constant":
        raise Unbounded(f"padding of mode `{call['mode']}` is not a padding of single axes")
    value = call["value"] or 0
    for pair in range(len(amounts) // 2):
        before, behind = amounts[2 * pair : 2 * pair + 2]
        if before or behind:
            view = axis_view(call.sketch, x, len(x.dims) - 1 - pair)
            zeros = [0, 0] * (len(shape(view.node)) - 1 - view.number)
            args = (view.node, [*zeros, before, behind], value)
            node = call.sketch.call(aten.constant_pad_nd.default, args)
            x = view.resized(node, shape(node)[view.number])
    return x


def _unfold(call: Invocation) -> Carrier:
    """x.unfold(dim, size, step): windows in the place of the axis, their elements behind all else"""
    axis = call["dimension"] % max(1, len(call.carrier().dims))
    view = axis_view(call.sketch, call.carrier(), axis, room=1)
    node = call.again(self=view.node, dimension=view.number)
    windows = view.resized(node, shape(node)[view.number])
    elements: Atoms = atoms_of(shape(node)[-1:])
    return Carrier(node, windows.order + elements, (*windows.dims, elements))


_SAME = (
    aten._log_softmax.default,
    aten._softmax.default,
    aten.cumprod.default,
    aten.cumsum.default,
    aten.log_softmax.int,
    aten.softmax.int,
)
_PARTS = (
    aten.chunk.default,
    aten.split.Tensor,
    aten.split.sizes,
    aten.split_with_sizes.default,
    aten.tensor_split.indices,
    aten.tensor_split.sections,
    aten.unbind.int,
    aten.unsafe_chunk.default,
    aten.unsafe_split.Tensor,
)

HANDLERS: dict[Any, Handler] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_PARTS, _parts),
    aten.constant_pad_nd.default: _pad,
    aten.flip.default: _flip,
    aten.glu.default: _part,
    aten.narrow.default: _part,
    aten.pad.default: _pad,
    aten.roll.default: _roll,
    aten.select.int: _select,
    aten.slice.Tensor: _part,
    aten.sort.default: _ranked,
    aten.topk.default: _ranked,
    aten.unfold.default: _unfold,
}
