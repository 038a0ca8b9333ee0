"""Which nodes of a graph belong together: values of too many axes, and the movement around them.

conv ── reshape ── permute ── reshape ── linear          a value of rank 6 between two of rank 4
        ╰────── one region ─────────╯
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx

from mobiledeploy.rewrite.axes.table import REGROUPINGS, is_order_free

__all__ = ["Region", "largest_rank", "regions"]

# In graph order.
Region = tuple[fx.Node, ...]


def largest_rank(node: fx.Node) -> int:
    """Of the node's value; of all tensors of a tuple."""
    value = node.meta.get("val")
    leaves = value if isinstance(value, tuple | list) else (value,)
    return max((leaf.dim() for leaf in leaves if isinstance(leaf, torch.Tensor)), default=0)


def regions(graph: fx.Graph, is_core: Callable[[fx.Node], bool], *, absorbs: bool = False) -> list[Region]:
    """The calls for which `is_core` holds, with the regroupings (reshape, permute, …) before and behind them, as
    connected pieces that each hold a core. `absorbs`: with operators, too, that read such a piece and nothing else that
    depends on an input."""
    cores = {node for node in graph.nodes if node.op == "call_function" and is_core(node)}
    members = _grown(cores)
    if absorbs:
        for node in graph.nodes:
            if node not in members and _is_absorbed(node, members):
                members |= _grown({node})
    owner: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node in members:
            owner[node] = node
            for source in node.all_input_nodes:
                if source in members:
                    owner[_root(owner, source)] = _root(owner, node)
    pieces: dict[fx.Node, list[fx.Node]] = {}
    for node in owner:
        pieces.setdefault(_root(owner, node), []).append(node)
    return [tuple(piece) for piece in pieces.values()]


def _grown(seeds: Iterable[fx.Node]) -> set[fx.Node]:
    """`seeds` with the regroupings around them."""
    members = set(seeds)
    frontier = list(members)
    while frontier:
        node = frontier.pop()
        near = [source for source in node.all_input_nodes if _is_regrouping(source)]
        near += [user for user in node.users if _is_regrouping(user) or user.target is operator.getitem]
        fresh = [other for other in near if other not in members]
        members.update(fresh)
        frontier += fresh
    return members


def _is_absorbed(node: fx.Node, members: set[fx.Node]) -> bool:
    if node.op != "call_function" or not is_order_free(node.target):
        return False
    sources = [source for source in node.all_input_nodes if source.op != "get_attr"]
    return bool(sources) and all(source in members for source in sources)


def _is_regrouping(node: fx.Node) -> bool:
    target: Any = node.target
    return node.op == "call_function" and target in REGROUPINGS


def _root(owner: dict[fx.Node, fx.Node], node: fx.Node) -> fx.Node:
    while owner[node] is not node:
        node = owner[node]
    return node
