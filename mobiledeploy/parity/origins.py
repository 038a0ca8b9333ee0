"""The line of PyTorch code that each operator of an ML Program came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.aten.graph import output_node, source_line

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.blend import Blend, Pair

__all__ = ["source_lines"]


def source_lines(blend: Blend, program: Program) -> dict[str, str]:
    """By the name of an operator of `blend`, the source line of the node of `program` that it was translated from.

    coremltools names the operator that ends the translation of a node after it; those before it have names of their
    own, and are the node's of the first that reads them. What has none is left out.
    """
    nodes: dict[str, fx.Node] = {node.name: node for node in program.graph.nodes if node.op == "call_function"}
    results: tuple[fx.Node, ...] = output_node(program.graph).args[0]  # type: ignore[assignment]
    nodes |= dict(zip(program.outputs, results, strict=True))
    found: dict[str, fx.Node] = {}
    for pair in reversed(blend.pairs):
        node = _own(pair, nodes)
        if node is not None:
            found |= dict.fromkeys(pair.full.outputs, node)
        for name in pair.full.outputs:
            if name in found:
                found |= dict.fromkeys((read for read in _operands(pair, blend) if read not in nodes), found[name])
    lines = {pair.name: source_line(found[pair.name]) for pair in blend.pairs if pair.name in found}
    return {name: line for name, line in lines.items() if line is not None}


def _own(pair: Pair, nodes: dict[str, fx.Node]) -> fx.Node | None:
    """Of an operator with several values, each is called after the node with a number."""
    names = (pair.name, pair.name.rpartition("_")[0] if len(pair.full.outputs) > 1 else pair.name)
    return next((nodes[name] for name in names if name in nodes), None)


def _operands(pair: Pair, blend: Blend) -> list[str]:
    read = (name for names in pair.full.inputs.values() for name in names)
    return [blend.full.names[name] for name in read if name in blend.full.names]
