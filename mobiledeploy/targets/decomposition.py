"""One node of a graph replaced by others that compute the same.

    celu(x, a)  ──▶  where(x > 0, x, a * expm1(x / a))

Our own formula comes first (formulas/). Else it is what torch itself decomposes the operator into, and torch has two
ways: an operator that is composite by nature shows its parts when it is traced, and for others there is a table. Of
what they give the one is taken that needs the fewest further steps, and none that would not help: writes in place,
names of places in memory, and the primitives of torch's own compiler.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx
from torch._subclasses.functional_tensor import dispatch_functionalize
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from mobiledeploy.aten.graph import add_constant, aten, is_call, output_node
from mobiledeploy.aten.inert import INERT
from mobiledeploy.targets.formulas.table import formula_of
from mobiledeploy.targets.resize import is_resize, resize_to_products

__all__ = ["apply_formula", "decompose", "is_decomposable"]


# A view is of a tensor that lies in memory as the traced one did, which a graph does not promise.
_RESHAPES: dict[Any, Any] = {
    aten._unsafe_view.default: aten.reshape.default,
    aten.view.default: aten.reshape.default,
}


def is_decomposable(node: fx.Node) -> bool:
    return is_resize(node) or formula_of(node.target) is not None or bool(_decompositions(node.target))


def apply_formula(module: fx.GraphModule, node: fx.Node) -> list[fx.Node]:
    """Puts our own formula in the place of `node`; returns the new calls, or nothing where it has none for these
    arguments."""
    formula, sources = formula_of(node.target), _sources(node)
    # Composite operators stay whole in what a formula says: it is traced before torch takes them apart.
    traced = None if formula is None else _trace(formula, node, sources, whole=True)
    return [] if traced is None or not _has_all(traced, node) else _splice(module, node, traced, sources)


def _has_all(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether it gives every element of the result that somebody reads."""
    (result,) = output_node(traced.graph).args
    if not isinstance(result, tuple | list):
        return True
    positions: list[Any] = [user.args[1] for user in node.users if user.target is operator.getitem]
    return all(result[position] is not None for position in positions)


def decompose(module: fx.GraphModule, node: fx.Node, supported: Callable[[fx.Node], bool]) -> list[fx.Node]:
    """Puts our formula or torch's decomposition in the place of `node`, of several the one with the fewest operators
    that are not `supported`; returns the new calls, or nothing if there is none."""
    if is_resize(node):
        return resize_to_products(module, node)
    made = apply_formula(module, node)
    if made:
        return made
    sources = _sources(node)
    attempts = [_trace(function, node, sources) for function in _decompositions(node.target)]
    helpful = [traced for traced in attempts if traced is not None and not _is_no_help(traced, node)]
    if not helpful:
        return []
    traced = min(helpful, key=lambda traced: sum(not supported(inner) for inner in _calls(traced)))
    return _splice(module, node, traced, sources)


def _sources(node: fx.Node) -> list[fx.Node]:
    tensors = [leaf for leaf in pytree.tree_leaves((node.args, node.kwargs)) if isinstance(leaf, fx.Node)]
    return list(dict.fromkeys(tensors))


def _splice(module: fx.GraphModule, node: fx.Node, traced: fx.GraphModule, sources: list[fx.Node]) -> list[fx.Node]:
    """Puts the calls of `traced`, whose placeholders stand for `sources`, in the place of `node`; returns them. What
    depends on none of them is computed."""
    graph = module.graph
    placeholders = [inner for inner in traced.graph.nodes if inner.op == "placeholder"]
    env: dict[fx.Node, Any] = dict(zip(placeholders, sources, strict=True))
    made = []

    def placed(inner: fx.Node) -> Any:
        if isinstance(env[inner], torch.Tensor):
            env[inner] = add_constant(module, env[inner], like=sources[0], hint=node.name)
        return env[inner]

    with graph.inserting_before(node):
        for inner in traced.graph.nodes:
            if inner.op == "get_attr":
                env[inner] = getattr(traced, inner.target)
            elif inner.op != "call_function":
                continue
            elif not _is_operator(inner):  # the named tuple of a result
                env[inner] = tuple(env[element] for element in inner.args)
            elif inner.target in INERT:
                env[inner] = env[inner.args[0]]
            elif _is_constant(inner, env):
                env[inner] = _computed(inner, env)
            else:
                env[inner] = graph.node_copy(inner, placed)
                env[inner].target = _RESHAPES.get(inner.target, inner.target)
                env[inner].meta = {**node.meta, "val": _value(inner)}
                made.append(env[inner])
        (result,) = output_node(traced.graph).args
        values = pytree.tree_map_only(fx.Node, placed, result)
    _replace(graph, node, values)
    return made


def _is_constant(node: fx.Node, env: Mapping[fx.Node, Any]) -> bool:
    """An `expand` spreads a small constant out: it stays."""
    known = all(isinstance(env[source], torch.Tensor) for source in node.all_input_nodes)
    return known and not is_call(node, aten.expand) and isinstance(node.meta.get("val"), torch.Tensor)


def _computed(node: fx.Node, env: Mapping[fx.Node, Any]) -> Any:
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: env[n])
    return node.target(*args, **kwargs)  # type: ignore[operator]


def _calls(module: fx.GraphModule) -> list[fx.Node]:
    return [node for node in module.graph.nodes if isinstance(node.target, torch._ops.OpOverload)]


def _is_no_help(traced: fx.GraphModule, node: fx.Node) -> bool:
    """It names places in memory or writes to them, uses primitives of torch's compiler, or leads in a circle."""
    for inner in _calls(traced):
        target: Any = inner.target
        if target.namespace == "prims" or target._schema.is_mutable or is_call(inner, aten.as_strided, node.target):
            return True
    return False


def _is_operator(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) or node.target is operator.getitem


def _value(node: fx.Node) -> Any:
    """The fake value; tracing leaves it out where an element is taken from a tuple."""
    if node.target is operator.getitem and "val" not in node.meta:
        return _value(node.args[0])[node.args[1]]  # type: ignore[arg-type]
    return node.meta["val"]


def _decompositions(target: Any) -> list[Callable[..., Any]]:
    """What computes `target` by other operators: itself, where torch's dispatcher does so, and torch's table."""
    if not isinstance(target, torch._ops.OpOverload):
        return []
    known: Callable[..., Any] | None = torch._decomp.get_decompositions([target]).get(target)
    return [*([target] if target._can_decompose() else []), *([known] if known is not None else [])]


def _trace(
    function: Callable[..., Any], node: fx.Node, sources: list[fx.Node], *, whole: bool = False
) -> fx.GraphModule | None:
    """The calls that `function` makes for `node`'s arguments, as a graph over `sources`, composite operators `whole` or
    in their parts; None where it fails or gives NotImplemented."""

    def of_tensors(*tensors: torch.Tensor) -> Any:
        values = dict(zip(sources, tensors, strict=True))
        args, kwargs = pytree.tree_map_only(fx.Node, lambda n: values[n], (node.args, node.kwargs))
        result = function(*args, **kwargs)
        if result is NotImplemented:
            raise _DeclinedError
        return result

    fakes = [source.meta["val"] for source in sources]
    traced = of_tensors if whole else dispatch_functionalize(of_tensors)
    try:
        with torch.no_grad():
            return make_fx(traced, tracing_mode="fake", pre_dispatch=whole)(*fakes)
    except _DeclinedError:
        return None
    except Exception:  # decompositions are tried; each breaks in its own way where it does not apply
        return None


class _DeclinedError(Exception):
    """A formula says nothing about these arguments."""


def _replace(graph: fx.Graph, node: fx.Node, result: Any) -> None:
    """Every user of `node` takes `result`; where `node` gave a tuple, every getitem takes its element."""
    if isinstance(result, fx.Node):
        node.replace_all_uses_with(result, propagate_meta=False)
    else:
        for user in list(node.users):
            user.replace_all_uses_with(result[user.args[1]], propagate_meta=False)
            graph.erase_node(user)
    graph.erase_node(node)
