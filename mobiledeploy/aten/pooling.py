"""One spelling for pooling: the stride written out, no rounding up where nothing hangs over, no unread indices.

max_pool2d(x, 2)                                   ──▶  max_pool2d(x, [2, 2], [2, 2])
max_pool2d_with_indices(x, …)[0]                   ──▶  max_pool2d(x, …)
avg_pool2d(x, 2, ceil_mode=True) of an even size   ──▶  avg_pool2d(x, 2)
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import arguments, aten, is_call, replace_all_uses, shape
from mobiledeploy.aten.windows import Windows

if TYPE_CHECKING:
    from torch import fx

__all__ = ["unify_pooling"]

_AVERAGES = {aten.avg_pool1d.default: 1, aten.avg_pool2d.default: 2, aten.avg_pool3d.default: 3}
_MAXIMA = {
    aten.max_pool1d.default: 1,
    aten.max_pool2d.default: 2,
    aten.max_pool2d_with_indices.default: 2,
    aten.max_pool3d.default: 3,
    aten.max_pool3d_with_indices.default: 3,
}
_WITHOUT_INDICES = {
    aten.max_pool2d_with_indices.default: aten.max_pool2d.default,
    aten.max_pool3d_with_indices.default: aten.max_pool3d.default,
}


def unify_pooling(module: fx.GraphModule) -> None:
    """Every pooling with its arguments written out, in place."""
    for node in list(module.graph.nodes):
        if is_call(node, *_AVERAGES):
            x, kernel, stride, padding, ceil_mode, *rest = arguments(node)
            _spell_out(node, _AVERAGES[node.target], (x, kernel, stride, padding, [1], ceil_mode), rest)
        elif is_call(node, *_MAXIMA):
            _spell_out(node, _MAXIMA[node.target], tuple(arguments(node)), None)
            _drop_indices(module.graph, node)


def _spell_out(node: fx.Node, rank: int, geometry: tuple[Any, ...], rest: list[Any] | None) -> None:
    """`rest`: what follows ceil_mode in an average; None for a maximum, which has a dilation in front of it."""
    x, kernel, stride, padding, dilation, ceil_mode = geometry
    kernel, padding, dilation = (_spread(sizes, rank) for sizes in (kernel, padding, dilation))
    stride = _spread(stride or kernel, rank)
    axes = zip(shape(x)[-rank:], kernel, stride, padding, dilation, strict=True)
    hangs_over = any(Windows(*axis, ceil_mode=bool(ceil_mode)).overhang for axis in axes)
    dilated = [dilation] if rest is None else []
    node.args, node.kwargs = (x, kernel, stride, padding, *dilated, bool(ceil_mode and hangs_over), *(rest or ())), {}


def _spread(sizes: Any, rank: int) -> list[int]:
    return list(sizes) * rank if len(sizes) == 1 else list(sizes)


def _drop_indices(graph: fx.Graph, node: fx.Node) -> None:
    operation: Any = node.target
    target = _WITHOUT_INDICES.get(operation)
    read = [user for user in node.users if user.users]
    if target is None or any(user.target is not operator.getitem or user.args[1] != 0 for user in read):
        return
    for user in read:
        with graph.inserting_before(user):
            plain = graph.call_function(target, node.args)
        plain.meta = dict(user.meta)
        replace_all_uses(user, plain)
