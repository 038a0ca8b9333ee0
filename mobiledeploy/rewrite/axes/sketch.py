"""A piece of graph that is drawn first, and put into the program only if it turns out well.

Every node drawn has the node of the program before which it will stand (its anchor), so that a sketch may reach over
nodes that it leaves alone.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import fx

from mobiledeploy.aten.cost import node_cost, total
from mobiledeploy.aten.graph import aten, is_call, shape

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import GraphCost

__all__ = ["Settling", "Sketch", "Unbounded"]

# Before a value comes apart, so that one permute serves all parts; before a linear map, which may make it larger.
Settling = Literal["parts", "map"]


class Unbounded(Exception):  # noqa: N818 - no error: the rule answers with a Refusal
    """The operator cannot be computed on few axes; the message says why."""


class Sketch:
    """Draws calls. `bound`: the largest rank of what it draws. `settles`: where values are brought into logical order
    before anybody needs it."""

    def __init__(self, bound: int, *, settles: frozenset[Settling]) -> None:
        self.bound = bound
        self.asked: set[Settling] = set()
        self._settles = settles
        self.graph = fx.Graph()
        self._anchors: dict[fx.Node, fx.Node] = {}
        self._sources: dict[fx.Node, fx.Node] = {}
        self._drawn: dict[Any, fx.Node] = {}
        self._constant: set[fx.Node] = set()
        self._anchor: fx.Node | None = None

    def settles(self, before: Settling) -> bool:
        """Whether a value is brought into logical order at this place; `asked` keeps where anybody wanted to know."""
        self.asked.add(before)
        return before in self._settles

    def stand_before(self, node: fx.Node) -> None:
        """What is drawn from now on will stand before `node` of the program, and takes its provenance."""
        self._anchor = node

    def source(self, node: fx.Node) -> fx.Node:
        """What stands for `node` of the program, which the sketch reads and does not replace."""
        if node not in self._sources:
            self._sources[node] = self.graph.placeholder(node.name)
            self._sources[node].meta["val"] = node.meta["val"]
            if node.op == "get_attr":
                self._constant.add(self._sources[node])
        return self._sources[node]

    def is_constant(self, node: fx.Node) -> bool:
        """Whether it depends on no input: it will be computed once."""
        return node in self._constant

    def call(self, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> fx.Node:
        """Draws `target(*args, **kwargs)`, or finds it where it has been drawn already."""
        assert self._anchor is not None
        key = (target, repr(args), repr(kwargs or {}))
        if key not in self._drawn:
            node = self.graph.call_function(target, tuple(args), dict(kwargs or {}))
            node.meta = {**self._anchor.meta, "val": _value(node)}
            self._anchors[node] = self._anchor
            self._drawn[key] = node
            if all(source in self._constant for source in node.all_input_nodes):
                self._constant.add(node)
        return self._drawn[key]

    def element(self, node: fx.Node, index: int) -> fx.Node:
        return self.call(operator.getitem, (node, index))

    def reshape(self, node: fx.Node, sizes: Iterable[int]) -> fx.Node:
        """Of the node behind the reshapes that `node` may be; nothing where the shape is there."""
        wanted = tuple(sizes)
        while is_call(node, aten.reshape.default) and shape(node) != wanted:
            node = node.args[0]  # type: ignore[assignment]
        return node if shape(node) == wanted else self.call(aten.reshape.default, (node, list(wanted)))

    def permute(self, node: fx.Node, axes: Sequence[int]) -> fx.Node:
        if list(axes) == sorted(axes):
            return node
        return self.call(aten.permute.default, (node, list(axes)))

    def cost(self, results: Iterable[fx.Node]) -> GraphCost:
        """Of what `results` need and depends on an input."""
        return total(node_cost(node) for node in self._needed(results) if node not in self._constant)

    def draw_into(self, program: Program, results: Iterable[fx.Node]) -> dict[fx.Node, fx.Node]:
        """Puts what `results` need into the program; gives the program's node for each node of the sketch."""
        env = {standing: node for node, standing in self._sources.items()}
        for node in self._needed(results):
            with program.graph.inserting_before(self._anchors[node]):
                env[node] = program.graph.node_copy(node, env.__getitem__)
        return env

    def _needed(self, results: Iterable[fx.Node]) -> list[fx.Node]:
        needed: set[fx.Node] = set()
        frontier = list(results)
        while frontier:
            node = frontier.pop()
            if node not in needed:
                needed.add(node)
                frontier += node.all_input_nodes
        return [node for node in self.graph.nodes if node in needed and node.op == "call_function"]


def _value(node: fx.Node) -> Any:
    """The fake result, from the arguments' fake values."""
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: n.meta["val"])
    modes = [mode for source in node.all_input_nodes if (mode := _mode(source.meta["val"])) is not None]
    try:
        with modes[0]:
            return node.target(*args, **kwargs)  # type: ignore[operator]
    except (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:  # whatever it checks
        raise Unbounded(f"on fewer axes torch says: {str(error).splitlines()[0]}") from error


def _mode(value: Any) -> Any:
    leaves = value if isinstance(value, tuple | list) else (value,)
    return next((getattr(leaf, "fake_mode", None) for leaf in leaves if isinstance(leaf, torch.Tensor)), None)
