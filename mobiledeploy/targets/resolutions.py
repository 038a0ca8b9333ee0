"""Arguments that a converter refuses or passes over, said in other operators. Each node is changed where it stands.

add(x, y, alpha=a)                     ──▶  add(x, mul(y, a))
pad(x, (-1, 2))                        ──▶  pad(slice(x, 1), (0, 2))
conv_transpose2d(x, output_padding=p)  ──▶  add(pad(conv_transpose2d(x), (0, p)), bias)      where padding is 0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import fx

from mobiledeploy.aten.graph import aten, call, is_call, rank, shape

__all__ = ["RESOLUTIONS"]


def resolve_alpha(graph: fx.Graph, node: fx.Node) -> None:
    if not is_call(node, aten.add, aten.sub) or node.kwargs.get("alpha", 1) == 1:
        return
    x, y = node.args
    alpha: Any = node.kwargs["alpha"]
    with graph.inserting_before(node):
        scaled = call(graph, aten.mul.Tensor, (y, alpha), like=node) if isinstance(y, fx.Node) else y * alpha
    node.args, node.kwargs = (x, scaled), {}


def resolve_cropping(graph: fx.Graph, node: fx.Node) -> None:
    pads: Any = node.args[1] if is_call(node, aten.pad) else ()
    if min(pads, default=0) >= 0:
        return
    source: Any = node.args[0]
    for pair in range(len(pads) // 2):
        before, after = pads[2 * pair], pads[2 * pair + 1]
        axis = rank(source) - 1 - pair
        if min(before, after) < 0:
            kept = max(-before, 0), shape(source)[axis] + min(after, 0)
            with graph.inserting_before(node):
                source = call(graph, aten.slice.Tensor, (source, axis, *kept), like=node)
    node.args = (source, [max(amount, 0) for amount in pads], *node.args[2:])


def resolve_output_padding(graph: fx.Graph, node: fx.Node) -> None:
    """Without padding nothing is cut off, so the rows that output padding adds hold the bias alone."""
    if not is_call(node, aten.conv_transpose2d) or len(node.args) < 6:
        return
    source, weight, bias, stride, padding, extra, *rest = node.args
    amounts: Any = extra
    if any(padding) or not any(amounts):  # type: ignore[arg-type]
        return
    height, width = (amounts * 2)[:2]
    with graph.inserting_before(node):
        plain = call(graph, node.target, (source, weight, None, stride, padding, [0, 0], *rest), like=node)  # type: ignore[arg-type]
        if isinstance(bias, fx.Node):
            padded = call(graph, aten.pad.default, (plain, [0, width, 0, height]), like=node)
            column = call(graph, aten.reshape.default, (bias, [1, -1, 1, 1]), like=node)
            node.target, node.args = aten.add.Tensor, (padded, column)
        else:
            node.target, node.args = aten.pad.default, (plain, [0, width, 0, height])


RESOLUTIONS: tuple[Callable[[fx.Graph, fx.Node], None], ...] = (
    resolve_alpha,
    resolve_cropping,
    resolve_output_padding,
)
