"""A region computed on carriers: what it becomes, drawn as a sketch.

read a value from outside ──▶ it carries itself
each operator, in graph order ──▶ its handler makes carriers of carriers
read from outside the region ──▶ the carrier is brought to the value's own shape
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mobiledeploy.rewrite.axes.atoms import size_of
from mobiledeploy.rewrite.axes.carrier import Carrier, whole
from mobiledeploy.rewrite.axes.invocation import Invocation, Value
from mobiledeploy.rewrite.axes.layout import exact
from mobiledeploy.rewrite.axes.sketch import Settling, Sketch, Unbounded
from mobiledeploy.rewrite.axes.table import handler

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import GraphCost
    from mobiledeploy.rewrite.axes.region import Region

__all__ = ["Drawing", "Obstacle", "draw", "put_in_place"]


@dataclass(frozen=True)
class Drawing:
    """`results`: the node of the sketch for each node of the region that is read from outside."""

    sketch: Sketch
    results: Mapping[fx.Node, fx.Node]

    @property
    def cost(self) -> GraphCost:
        return self.sketch.cost(self.results.values())


@dataclass(frozen=True)
class Obstacle:
    """Why a region cannot be drawn, and at which node."""

    reason: str
    node: fx.Node


def draw(region: Region, bound: int, *, settles: frozenset[Settling]) -> Drawing | Obstacle:
    """`region` with no value of more than `bound` axes. `settles`: see Sketch."""
    sketch = Sketch(bound, settles=settles)
    carriers: dict[fx.Node, Value] = {}
    results: dict[fx.Node, fx.Node] = {}
    members = set(region)

    def carrier(node: fx.Node) -> Value:
        if node not in members and node not in carriers:
            carriers[node] = _read(sketch, node)
        return carriers[node]

    for node in region:
        sketch.stand_before(node)
        try:
            carriers[node] = _computed(sketch, node, carrier)
            _check(node, carriers[node])
            if any(user not in members for user in node.users):
                results[node] = _written(sketch, carriers[node])
        except Unbounded as reason:
            return Obstacle(f"{node.target}: {reason}", node)
    return Drawing(sketch, results)


def _read(sketch: Sketch, node: fx.Node) -> Value:
    if not isinstance(node.meta["val"], torch.Tensor):
        raise Unbounded("it reads several values at once")
    rank = len(node.meta["val"].shape)
    if node.op == "placeholder" and rank > sketch.bound:
        raise Unbounded(f"the model's input `{node.target}` itself has {rank} axes")
    itself = whole(sketch.source(node))
    if rank <= sketch.bound:
        return itself
    line = sketch.reshape(itself.node, [size_of(itself.order)])  # a constant
    return Carrier(line, itself.order, itself.dims)


def _computed(sketch: Sketch, node: fx.Node, carrier: Any) -> Value:
    if node.target is operator.getitem:
        value = carrier(node.args[0])
        return value[node.args[1]]  # type: ignore[no-any-return]
    compute = handler(node.target)
    if compute is None:
        raise Unbounded("nobody has said how to compute it on fewer axes")
    if any(0 in tensor.shape for tensor in _tensors(node)):
        raise Unbounded("it has no elements")
    return compute(Invocation.of(sketch, node, carrier))


def _tensors(node: fx.Node) -> list[torch.Tensor]:
    values = [node.meta["val"], *(source.meta["val"] for source in node.all_input_nodes)]
    leaves = [leaf for value in values for leaf in (value if isinstance(value, tuple | list) else (value,))]
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _check(node: fx.Node, value: Value) -> None:
    """A handler that is wrong is noticed here, and not only by the proof."""
    expected = node.meta["val"]
    pairs = zip(value, expected, strict=True) if isinstance(value, tuple) else ((value, expected),)
    for carrier, tensor in pairs:
        if carrier.shape != tuple(tensor.shape) or carrier.node.meta["val"].dtype != tensor.dtype:
            found = f"{carrier.node.meta['val'].dtype} {list(carrier.shape)}"
            raise Unbounded(f"on fewer axes it gives {found} in the place of {tensor.dtype} {list(tensor.shape)}")


def _written(sketch: Sketch, value: Value) -> fx.Node:
    if not isinstance(value, Carrier):
        raise Unbounded("several of its values are read at once")
    if len(value.dims) > sketch.bound:
        raise Unbounded(f"its result, of {len(value.dims)} axes, is read as it is")
    return exact(sketch, value)


def put_in_place(program: Program, drawing: Drawing) -> None:
    """Draws into the program; who read the region reads what has been drawn."""
    env = drawing.sketch.draw_into(program, drawing.results.values())
    for node, drawn in drawing.results.items():
        node.replace_all_uses_with(env[drawn], propagate_meta=False)
