"""The graph in the operators that coremltools translates, and translates rightly.

    addcmul(x, a, b, value=v)  ──torch's own decomposition──▶  x + v * a * b
    add(x, y, alpha=a)         ─────────────────────────────▶  x + a * y

coremltools knows about 500 operators. One that it lacks is replaced by what torch itself would decompose it into, one
node at a time, so that all others keep their composite form. And where coremltools would pass over a keyword argument
in silence (its issue #2863 is one such place), the keyword is resolved here or the graph is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import fx
from torch.func import functionalize
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from mobiledeploy.aten.graph import add_constant, aten, call, is_call, output_node, remove_dead, source_line
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["lower"]

# Keywords that choose nothing about a value on the CPU in eval mode.
_IRRELEVANT = {
    "copy",
    "device",
    "generator",
    "implicit",
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
    "std": {"correction", "keepdim"},
    "var": {"correction", "keepdim"},
}
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

    Raises TargetError for a keyword that coremltools would not honour.
    """
    module = _copy(program.graph_module)
    graph = module.graph
    for node in list(graph.nodes):
        if is_call(node, aten.add, aten.sub) and node.kwargs.get("alpha", 1) != 1:
            _resolve_alpha(graph, node)
    pending = [node for node in graph.nodes if node.op == "call_function"]
    while pending:
        node = pending.pop()
        if not supported(node):
            pending += _decompose(module, node)
    remove_dead(module)
    graph.lint()
    for node in graph.nodes:
        _check_keywords(node)
    return replace(program, graph_module=module)


def _copy(module: fx.GraphModule) -> fx.GraphModule:
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    return fx.GraphModule(module, graph)


def _resolve_alpha(graph: fx.Graph, node: fx.Node) -> None:
    """add(x, y, alpha=a)  ──▶  add(x, mul(y, a))"""
    x, y = node.args
    alpha: Any = node.kwargs["alpha"]
    with graph.inserting_before(node):
        scaled = call(graph, aten.mul.Tensor, (y, alpha), like=node) if isinstance(y, fx.Node) else y * alpha
    node.args, node.kwargs = (x, scaled), {}


def _decompose(module: fx.GraphModule, node: fx.Node) -> list[fx.Node]:
    """Puts torch's decomposition in the place of `node`; returns the new calls, or nothing if there is none."""
    function = _decomposition(node.target)
    if function is None:
        return []
    graph = module.graph
    tensors = [leaf for leaf in pytree.tree_leaves((node.args, node.kwargs)) if isinstance(leaf, fx.Node)]
    sources = list(dict.fromkeys(tensors))
    traced = _trace(function, node, sources)
    if any(is_call(inner, aten.as_strided, node.target) for inner in traced.graph.nodes):
        return []  # it names places in memory, which no converter knows, or it leads in a circle
    env = dict(zip((inner for inner in traced.graph.nodes if inner.op == "placeholder"), sources, strict=True))
    made = []
    with graph.inserting_before(node):
        for inner in traced.graph.nodes:
            if inner.op == "get_attr":
                env[inner] = add_constant(module, getattr(traced, inner.target), like=node, hint=node.name)
            elif inner.op == "call_function":
                env[inner] = graph.node_copy(inner, lambda n: env[n])
                env[inner].meta = {**node.meta, "val": inner.meta["val"]}
                made.append(env[inner])
    (result,) = output_node(traced.graph).args
    _replace(graph, node, pytree.tree_map_only(fx.Node, lambda n: env[n], result))
    return made


def _decomposition(target: Any) -> Callable[..., Any] | None:
    if not isinstance(target, torch._ops.OpOverload):
        return None
    known: Callable[..., Any] | None = torch._decomp.get_decompositions([target]).get(target)
    return known or (target.decompose if target._can_decompose() else None)


def _trace(function: Callable[..., Any], node: fx.Node, sources: list[fx.Node]) -> fx.GraphModule:
    """The calls that `function` makes for `node`'s arguments, as a graph over `sources`."""

    def of_tensors(*tensors: torch.Tensor) -> Any:
        values = dict(zip(sources, tensors, strict=True))
        args, kwargs = pytree.tree_map_only(fx.Node, lambda n: values[n], (node.args, node.kwargs))
        return function(*args, **kwargs)

    fakes = [source.meta["val"] for source in sources]
    with torch.no_grad():
        return make_fx(functionalize(of_tensors), tracing_mode="fake")(*fakes)


def _replace(graph: fx.Graph, node: fx.Node, result: Any) -> None:
    """Every user of `node` takes `result`; where `node` gave a tuple, every getitem takes its element."""
    if isinstance(result, fx.Node):
        node.replace_all_uses_with(result, propagate_meta=False)
    else:
        for user in list(node.users):
            user.replace_all_uses_with(result[user.args[1]], propagate_meta=False)
            graph.erase_node(user)
    graph.erase_node(node)


def _check_keywords(node: fx.Node) -> None:
    if not isinstance(node.target, torch._ops.OpOverload):
        return
    defaults = {argument.name: argument.default_value for argument in node.target._schema.arguments}
    name = node.target._schema.name.removeprefix("aten::")
    for keyword, value in node.kwargs.items():
        honoured = keyword in _IRRELEVANT or keyword in _HONOURED.get(name, ()) or value == defaults.get(keyword)
        if not honoured and not (keyword == "dtype" and _dtype_is_plain(name, node)):
            raise TargetError(
                f"coremltools would pass over `{keyword}={value}` of `{node.target}`",
                where=f"{node.name}, {source_line(node) or 'made by a rewrite'}",
                remedy="Write that line of the model without the keyword.",
            )


def _dtype_is_plain(name: str, node: fx.Node) -> bool:
    """Whether `dtype` is what makes the tensor, or what the operator gives without being told."""
    source = node.args[0] if node.args else None
    return name in _CREATIONS or (isinstance(source, fx.Node) and source.meta["val"].dtype == node.kwargs["dtype"])
