"""Questions about nodes, and the few edits that every rewrite is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.aten.frames import user_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "add_constant",
    "arguments",
    "call",
    "erase_unused",
    "is_call",
    "output_node",
    "rank",
    "remove_dead",
    "replace_all_uses",
    "shape",
    "source_line",
]

aten = torch.ops.aten


def is_call(node: Any, *targets: Any) -> bool:
    """Whether `node` is a call of one of `targets`, each an operator or an operator overload."""
    if not isinstance(node, fx.Node) or node.op != "call_function":
        return False
    return node.target in targets or getattr(node.target, "overloadpacket", None) in targets


def shape(node: Any) -> tuple[int, ...]:
    """The static shape of a tensor node."""
    return tuple(int(size) for size in node.meta["val"].shape)


def rank(node: Any) -> int:
    return len(node.meta["val"].shape)


def arguments(node: fx.Node) -> list[Any]:
    """Every argument in schema order, defaults filled in."""
    values: list[Any] = list(node.args)
    for argument in node.target._schema.arguments[len(values) :]:  # type: ignore[union-attr]
        values.append(node.kwargs.get(argument.name, argument.default_value))
    return values


def output_node(graph: fx.Graph) -> fx.Node:
    return graph.output_node()


def source_line(node: fx.Node) -> str | None:
    """`file.py:line` of the innermost user frame that made `node`: not torch's, not ours."""
    return user_line(node.meta.get("stack_trace") or "")


def call(graph: fx.Graph, target: Callable[..., Any], args: tuple[Any, ...], *, like: fx.Node) -> fx.Node:
    """Inserts `target(*args)` at the graph's insert point; shape and dtype are inferred, provenance is `like`'s."""
    node = graph.call_function(target, args)
    fakes = fx.node.map_arg(args, lambda n: n.meta["val"])
    with like.meta["val"].fake_mode:
        node.meta = {**like.meta, "val": target(*fakes)}
    return node


def add_constant(module: fx.GraphModule, value: torch.Tensor, *, like: fx.Node, hint: str) -> fx.Node:
    """Registers `value` under a fresh flat name made from `hint` and inserts its `get_attr` at the insert point.

    A float64 value keeps its precision until export; its declared dtype is float32.
    """
    name, number = hint, 0
    while hasattr(module, name):
        number += 1
        name = f"{hint}_{number}"
    module.register_buffer(name, value)
    node = module.graph.get_attr(name)
    dtype = torch.float32 if value.is_floating_point() else value.dtype
    with like.meta["val"].fake_mode:
        node.meta["val"] = torch.empty(value.shape, dtype=dtype)
    return node


def replace_all_uses(old: fx.Node, new: fx.Node) -> None:
    """Every user of `old` takes `new`; `new` keeps its own provenance."""
    old.replace_all_uses_with(new, propagate_meta=False)


def erase_unused(graph: fx.Graph, node: fx.Node) -> None:
    """Erases `node` and what only it needed; nothing if somebody reads it."""
    frontier = [node]
    while frontier:
        current = frontier.pop()
        if current.op in ("call_function", "get_attr") and not current.users and not current._erased:
            frontier += current.all_input_nodes
            graph.erase_node(current)


def remove_dead(module: fx.GraphModule) -> None:
    """Erases calls and constants that nothing uses, and the buffers behind them."""
    graph = module.graph
    for node in reversed(list(graph.nodes)):
        if node.op in ("call_function", "get_attr") and not node.users:
            graph.erase_node(node)
    used = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in module.named_buffers(recurse=False) if name not in used]:
        delattr(module, name)
