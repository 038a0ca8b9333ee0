"""The graph in the operators that torch.onnx translates, and translates rightly.

    cdist(x, y)  ──our formula──▶  sqrt(sum((x - y)²))

torch.onnx decomposes by torch's own table; our formulas come in where that ends at an operator it has no function for,
and where its function gives other values.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from torch import fx

from mobiledeploy.aten.graph import remove_dead
from mobiledeploy.aten.uncompiled import graph_module
from mobiledeploy.targets.decomposition import apply_formula, decompose
from mobiledeploy.targets.preferences import ONNX, prefers_formula

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["lower"]

# A formula may stand on another; two that lead to each other must not go on for ever.
_DEEPEST = 10


def lower(program: Program, opset: int, refused: frozenset[object] = frozenset()) -> Program:
    """`program` with our formula for every operator that torch.onnx has no function for or gets wrong, and for those
    `refused`; itself unchanged."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(program.graph, {}))
    module = graph_module(program.graph_module, graph)
    pending = [(node, 0) for node in graph.nodes if node.op == "call_function"]
    while pending:
        node, depth = pending.pop()
        if depth == _DEEPEST:
            continue
        if node.target in refused:
            made = decompose(module, node, lambda inner: _has_function(inner.target, opset))
        elif prefers_formula(node, ONNX) or not _has_function(node.target, opset):
            made = apply_formula(module, node)
        else:
            made = []
        pending += [(inner, depth + 1) for inner in made]
    remove_dead(module)
    graph.lint()
    return replace(program, graph_module=module)


@cache
def _functions(opset: int) -> Any:
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    return ONNXRegistry.from_torchlib(opset)


def _has_function(target: Any, opset: int) -> bool:
    return bool(_functions(opset).is_registered(target))
