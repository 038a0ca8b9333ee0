"""One spelling for standard deviation and variance, of which torch has ten.

std(x), x.std(dim), std(x, unbiased=False)   ──▶  std.correction(x, axes, correction=…, keepdim=…)
std_mean(x, axes)[0], [1]                    ──▶  std.correction(x, axes, …), mean(x, axes)
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import arguments, aten, rank, replace_all_uses

if TYPE_CHECKING:
    from torch import fx

__all__ = ["unify_statistics"]

_DEVIATIONS = {aten.std, aten.std_mean}
_PAIRS = {aten.std_mean, aten.var_mean}
_PACKETS = {aten.std, aten.var} | _PAIRS


def unify_statistics(module: fx.GraphModule) -> None:
    """Every statistic becomes std.correction or var.correction with its axes written out, and a mean beside it."""
    for node in list(module.graph.nodes):
        packet = getattr(node.target, "overloadpacket", None)
        if node.op == "call_function" and packet in _PAIRS:
            for user in list(node.users):
                if user.target is operator.getitem:
                    _replace_element(module.graph, node, user)
        elif node.op == "call_function" and packet in _PACKETS and not _is_spelled_out(node):
            replace_all_uses(node, _statistic(module.graph, node))


def _is_spelled_out(node: fx.Node) -> bool:
    return node.target in (aten.std.correction, aten.var.correction) and len(node.args) > 1 and bool(node.args[1])


def _replace_element(graph: fx.Graph, node: fx.Node, element: fx.Node) -> None:
    if element.args[1] == 0:
        replace_all_uses(element, _statistic(graph, node, like=element))
        return
    axes, _, keepdim = _meaning(node)
    with graph.inserting_before(element):
        replace_all_uses(element, _call(graph, aten.mean.dim, (node.args[0], axes, keepdim), {}, element))


def _statistic(graph: fx.Graph, node: fx.Node, like: fx.Node | None = None) -> fx.Node:
    axes, correction, keepdim = _meaning(node)
    packet = node.target.overloadpacket  # type: ignore[union-attr]
    target = (aten.std if packet in _DEVIATIONS else aten.var).correction
    like = like or node
    with graph.inserting_before(like):
        return _call(graph, target, (node.args[0], axes), {"correction": correction, "keepdim": keepdim}, like)


def _call(graph: fx.Graph, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], like: fx.Node) -> fx.Node:
    """A node of `like`'s value."""
    node = graph.call_function(target, args, kwargs)
    node.meta = dict(like.meta)
    return node


def _meaning(node: fx.Node) -> tuple[list[int], float, bool]:
    """Axes, correction and whether they are kept, of any overload: (x, unbiased), (x, dim, unbiased, keepdim), or
    (x, dim, *, correction, keepdim)."""
    names = [argument.name for argument in node.target._schema.arguments]  # type: ignore[union-attr]
    given = dict(zip(names, arguments(node), strict=True))
    axes = list(given.get("dim") or range(rank(node.args[0])))
    correction = given.get("correction", int(given.get("unbiased", True)))
    return axes, 1 if correction is None else correction, bool(given.get("keepdim", False))
