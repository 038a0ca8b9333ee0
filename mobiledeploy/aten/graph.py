"""Questions about nodes, and the few edits that every rewrite is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx

__all__ = [
    "add_constant",
    "call",
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


def shape(node: fx.Node) -> tuple[int, ...]:
    """The static shape of a tensor node."""
    return tuple(int(size) for size in node.meta["val"].shape)


def rank(node: fx.Node) -> int:
    return len(node.meta["val"].shape)


def output_node(graph: fx.Graph) -> fx.Node:
    return next(node for node in reversed(graph.nodes) if node.op == "output")


def source_line(node: fx.Node) -> str | None:
    """`file.py:line` of the innermost user frame that made `node`: not torch's, not ours."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    user = [f"{name}:{line}" for name, line in frames if "/torch/" not in name and "/mobiledeploy/" not in name]
    return user[-1] if user else None


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


def remove_dead(module: fx.GraphModule) -> None:
    """Erases calls and constants that nothing uses, and the buffers behind them."""
    graph = module.graph
    for node in reversed(list(graph.nodes)):
        if node.op in ("call_function", "get_attr") and not node.users:
            graph.erase_node(node)
    used = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in module.named_buffers(recurse=False) if name not in used]:
        delattr(module, name)


def unique(nodes: Iterable[fx.Node]) -> list[fx.Node]:
    """In order, each once."""
    return list(dict.fromkeys(nodes))
