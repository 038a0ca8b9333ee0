"""The graph in the operators that coremltools translates, and translates rightly.

    addcmul(x, a, b, value=v)  ──torch's own decomposition──▶  x + v * a * b
    add(x, y, alpha=a)         ───────our resolutions───────▶  x + a * y

coremltools knows about 500 operators. One that it lacks is replaced by what torch itself would decompose it into, one
node at a time, so that all others keep their composite form. And where coremltools would pass over a keyword argument
in silence (its issue #2863 is one such place), the keyword is resolved here or the graph is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import fx

from mobiledeploy.aten.graph import aten, is_call, remove_dead, source_line
from mobiledeploy.aten.uncompiled import graph_module
from mobiledeploy.errors import TargetError
from mobiledeploy.targets.complex_numbers import make_real
from mobiledeploy.targets.decomposition import apply_formula, decompose
from mobiledeploy.targets.preferences import COREML, has_projections, prefers_formula
from mobiledeploy.targets.resolutions import RESOLUTIONS

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["lower"]

# Keywords that choose nothing about a value on the CPU in eval mode.
_IRRELEVANT = {
    "copy",
    "device",
    "generator",
    "layout",
    "memory_format",
    "non_blocking",
    "pin_memory",
    "stable",
}
# Keywords that coremltools 9.0 reads (`_get_kwinputs` in its frontend/torch/ops.py), or that coreml_ops.py does.
_HONOURED = {
    "addmm": {"alpha", "beta"},
    "baddbmm": {"alpha", "beta"},
    "div": {"rounding_mode"},
    "gelu": {"approximate"},
    "meshgrid": {"indexing"},
    "scaled_dot_product_attention": {"scale"},
    "scatter_reduce": {"include_self"},
    "std": {"correction", "keepdim"},
    "var": {"correction", "keepdim"},
}
# torch's decompositions are three deep at most; two that lead to each other must not go on for ever.
_DEEPEST = 10
_CREATIONS = {
    "_to_copy",
    "arange",
    "empty",
    "full",
    "full_like",
    "new_full",
    "ones",
    "ones_like",
    "scalar_tensor",
    "zeros",
    "zeros_like",
}


def lower(program: Program, supported: Callable[[fx.Node], bool]) -> Program:
    """`program` with every node decomposed that `supported` does not take, as far as torch can; itself unchanged.

    Raises TargetError for what coremltools would translate, but to other values.
    """
    module = _copy(program.graph_module)
    make_real(module, supported)
    pending = [(node, 0) for node in module.graph.nodes if node.op == "call_function"]
    while pending:
        node, depth = pending.pop()
        for resolve in RESOLUTIONS:
            resolve(module.graph, node)
        if depth == _DEEPEST:
            continue
        made = apply_formula(module, node) if prefers_formula(node, COREML) else []
        if not made and (not supported(node) or _is_mistranslated(node)):
            made = decompose(module, node, supported)
        pending += [(inner, depth + 1) for inner in made]
    remove_dead(module)
    module.graph.lint()
    for node in [node for node in module.graph.nodes if isinstance(node.target, torch._ops.OpOverload)]:
        if supported(node):
            _check_keywords(node)
        if _is_mistranslated(node):
            raise _refusal(f"coremltools would translate `{node.target}` to other values", node)
    return replace(program, graph_module=module)


def _is_mistranslated(node: fx.Node) -> bool:
    """What coremltools 9.0 takes and gets wrong: antialiased resizing, which it does without antialiasing, and
    softplus with another threshold than the default."""
    if is_call(node, aten.softplus):
        return len(node.args) > 2 and bool(node.args[2] != 20)
    if has_projections(node):
        return True
    return is_call(node, aten._upsample_bilinear2d_aa, aten._upsample_bicubic2d_aa)


def _copy(module: fx.GraphModule) -> fx.GraphModule:
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    return graph_module(module, graph)


def _check_keywords(node: fx.Node) -> None:
    assert isinstance(node.target, torch._ops.OpOverload)
    defaults = {argument.name: argument.default_value for argument in node.target._schema.arguments}
    name = node.target._schema.name.removeprefix("aten::")
    for keyword, value in node.kwargs.items():
        honoured = keyword in _IRRELEVANT or keyword in _HONOURED.get(name, ()) or value == defaults.get(keyword)
        if not honoured and not (keyword == "dtype" and _dtype_is_plain(name, node)):
            raise _refusal(f"coremltools would pass over `{keyword}={value}` of `{node.target}`", node)


def _refusal(what: str, node: fx.Node) -> TargetError:
    where = f"{node.name}, {source_line(node) or 'made by a rewrite'}"
    return TargetError(what, where=where, remedy="Write that line of the model in another way.")


def _dtype_is_plain(name: str, node: fx.Node) -> bool:
    """Whether `dtype` is what makes the tensor, or what the operator gives without being told."""
    source = node.args[0] if node.args else None
    return name in _CREATIONS or (isinstance(source, fx.Node) and source.meta["val"].dtype == node.kwargs["dtype"])
