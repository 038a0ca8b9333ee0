"""Ways to write one value, drafted as graphs of their own and weighed there, so that the cheapest is built.

    candidates ──draft──▶ scratch graphs ──graph cost──▶ the cheapest ──build──▶ the program's graph

A way is a function that builds nodes, so that what is weighed is what is built.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import fx

from mobiledeploy.aten.cost import node_cost, total, weigh
from mobiledeploy.aten.graph import add_constant, aten, call, is_call

if TYPE_CHECKING:
    from mobiledeploy.records import GraphCost

__all__ = ["Building", "Candidate", "Draft", "Site", "cheapest", "draft", "split"]

# Core ML's tensors have at most five axes (Apple, coremltools guide).
_MOST_AXES = 5

# Whether the Neural Engine has `gather` is disputed: it falls to the CPU by apple/coremltools#1103 and
# github.com/hollance/neural-engine (docs/unsupported-layers.md), and stays by a comment in coremltools' `col2im`. Where
# it falls, the work behind it is dispatched a second time, 0.095 ms (maderix, "Inside the M4 Apple Neural Engine",
# part 2), which at the 0.87 TMAC/s of `aten.cost` are so many multiply-accumulates.
_MACS_PER_DISPATCH = 83_000_000


class Site(Protocol):
    """Where a candidate's nodes are built."""

    @property
    def name(self) -> str:
        """What constants are called after."""
        ...

    def call(self, target: Callable[..., Any], *args: Any) -> fx.Node: ...

    def constant(self, value: torch.Tensor, hint: str) -> fx.Node: ...


def split(site: Site, node: fx.Node, axis: int) -> list[fx.Node]:
    """The slices of one element along `axis`, by one operator."""
    pieces = site.call(aten.split.Tensor, node, 1, axis)
    return [site.call(operator.getitem, pieces, number) for number in range(len(pieces.meta["val"]))]


@dataclass(frozen=True)
class Building:
    """At the insert point of a program's graph, with the provenance of `like`."""

    module: fx.GraphModule
    like: fx.Node

    @property
    def name(self) -> str:
        return self.like.name

    def call(self, target: Callable[..., Any], *args: Any) -> fx.Node:
        return call(self.module.graph, target, args, like=self.like)

    def constant(self, value: torch.Tensor, hint: str) -> fx.Node:
        return add_constant(self.module, value, like=self.like, hint=f"{self.name}_{hint}")


@dataclass(frozen=True)
class Scratch:
    """A graph that only tells what it costs: shapes come from torch's meta device, which is ten times as fast."""

    graph: fx.Graph
    name: str = "draft"

    def source(self, node: fx.Node) -> fx.Node:
        value = node.meta["val"]
        return self._with(self.graph.placeholder("source"), torch.empty(value.shape, dtype=value.dtype, device="meta"))

    def call(self, target: Callable[..., Any], *args: Any) -> fx.Node:
        values = fx.node.map_arg(args, lambda node: node.meta["val"])
        return self._with(self.graph.call_function(target, args), target(*values))

    def constant(self, value: torch.Tensor, hint: str) -> fx.Node:
        return self._with(self.graph.get_attr(hint), value.to("meta"))

    def _with(self, node: fx.Node, value: Any) -> fx.Node:
        node.meta["val"] = value
        return node


@dataclass(frozen=True)
class Candidate:
    """`build(site, sources)` inserts the nodes and returns the one with the value."""

    name: str
    build: Callable[[Site, Sequence[fx.Node]], fx.Node]


@dataclass(frozen=True)
class Draft:
    """`axes`: of the largest tensor in between; a last reshape may give more, as the model wants the value."""

    candidate: Candidate
    cost: GraphCost
    axes: int
    gathers: bool

    @property
    def weight(self) -> float:
        """In multiply-accumulates, with the possible loss of the Neural Engine."""
        return weigh(self.cost) + _MACS_PER_DISPATCH * self.gathers


def draft(candidate: Candidate, sources: Sequence[fx.Node]) -> Draft:
    """The candidate built on a scratch graph whose placeholders stand for `sources`."""
    scratch = Scratch(fx.Graph())
    with torch.no_grad():
        result = candidate.build(scratch, [scratch.source(source) for source in sources])
    made = [node for node in scratch.graph.nodes if node.op == "call_function"]
    between = [node.meta["val"] for node in made if node is not result or not is_call(node, aten.reshape)]
    axes = max((value.dim() for value in between if isinstance(value, torch.Tensor)), default=0)
    gathers = any(is_call(node, aten.index_select) for node in made)
    return Draft(candidate, total(node_cost(node) for node in made), axes, gathers)


def cheapest(candidates: Iterable[Candidate], sources: Sequence[fx.Node]) -> Draft:
    """Of those that stay within Core ML's axes in between, or of all where none does; the first of equals."""
    drafts = [draft(candidate, sources) for candidate in candidates]
    fitting = [each for each in drafts if each.axes <= _MOST_AXES]
    return min(fitting or drafts, key=lambda each: each.weight)
