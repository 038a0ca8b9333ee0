"""The graph in the operators that torch.onnx translates, and translates rightly.

    cdist(x, y)  ──our formula──▶  sqrt(sum((x - y)²))

torch.onnx decomposes by torch's own table; our formulas come in where that ends at an operator it has no function for,
and where its function gives other values. What gives several tensors is decomposed here: torch.onnx looks for an output
by the name of its node, and fails (`Output getitem does not exist in the graph`) where its own decomposition has
replaced that node.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from torch import fx

from mobiledeploy.aten.graph import add_constant, aten, call, output_node, remove_dead, replace_all_uses, shape
from mobiledeploy.aten.uncompiled import graph_module
from mobiledeploy.targets.complex_numbers import make_real
from mobiledeploy.targets.decomposition import apply_formula, decompose
from mobiledeploy.targets.preferences import ONNX, has_projections, prefers_formula

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
    _name_constants(module)
    make_real(module, lambda node: _has_function(node.target, opset))
    pending = [(node, 0) for node in graph.nodes if node.op == "call_function"]
    while pending:
        node, depth = pending.pop()
        if depth == _DEEPEST:
            continue
        if node.target in refused or _vanishes(node, opset) or has_projections(node):
            made = decompose(module, node, lambda inner: _has_function(inner.target, opset))
        elif prefers_formula(node, ONNX) or not _has_function(node.target, opset):
            made = apply_formula(module, node)
        else:
            made = []
        pending += [(inner, depth + 1) for inner in made]
    _separate_outputs(graph)
    remove_dead(module)
    graph.lint()
    return replace(program, graph_module=module)


def _name_constants(module: fx.GraphModule) -> None:
    """Constants that a rewrite made are called like operators, which torch.onnx calls values of its own: `view_1` twice
    ends its constant folding. They get the prefix of an exported constant."""
    for node in list(module.graph.nodes):
        name = str(node.target)
        if node.op == "get_attr" and not name.startswith(("b_", "c_", "p_")):
            with module.graph.inserting_before(node):
                named = add_constant(module, getattr(module, name), like=node, hint=f"c_{name}")
            replace_all_uses(node, named)
            module.graph.erase_node(node)


def _separate_outputs(graph: fx.Graph) -> None:
    """An output that is an element of a tuple gets a node of its own, which its name can stand for."""
    output = output_node(graph)
    results: Any = output.args[0]
    with graph.inserting_before(output):
        output.args = (tuple(_separate(graph, node) for node in results),)


def _separate(graph: fx.Graph, node: fx.Node) -> fx.Node:
    if node.target is not operator.getitem:
        return node
    return call(graph, aten.reshape.default, (node, list(shape(node))), like=node)


def _vanishes(node: fx.Node, opset: int) -> bool:
    return isinstance(node.meta.get("val"), tuple | list) and not _has_function(node.target, opset)


@cache
def _functions(opset: int) -> Any:
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    return ONNXRegistry.from_torchlib(opset)


def _has_function(target: Any, opset: int) -> bool:
    return bool(_functions(opset).is_registered(target))
