"""A matrix over the elements of sliding windows is a convolution.

    im2col(x, k3 s2 p1) ── permute ── linear  ──▶  conv2d(x, k3 s2 p1) ── permute ── reshape

im2col lays a window out as (channel, row, column), which is the order of a convolution's weight. Both have the same
multiply-accumulates; the convolution never writes the windows down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from mobiledeploy.aten.cost import node_cost, total, weigh
from mobiledeploy.aten.graph import arguments, aten, is_call, replace_all_uses, shape
from mobiledeploy.rewrite.channel_maps import ChannelMap, channel_map, moved_from
from mobiledeploy.rewrite.drafts import Building, Candidate, cheapest, draft
from mobiledeploy.rewrite.layout import Layout, reshaped
from mobiledeploy.rewrite.rule import Match, Refusal
from mobiledeploy.rewrite.window_candidates import window_candidates
from mobiledeploy.rewrite.windows import im2col_windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.drafts import Site

__all__ = ["MergeUnfold"]

_MAPS = (aten.linear, aten.conv1d, aten.conv2d, aten.matmul)


@dataclass(frozen=True)
class _Plan:
    candidate: Candidate
    sources: tuple[fx.Node, ...]


class MergeUnfold:
    """Looks at every matrix whose operand is `im2col`'s result, moved about. `Match.plan`: the convolution."""

    name: ClassVar[str] = "merge-unfold"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        if any(is_call(node, aten.im2col) for node in program.graph.nodes):
            yield from [node for node in program.graph.nodes if is_call(node, *_MAPS)]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        found = [moved_from(source, aten.im2col) for source in node.all_input_nodes]
        if not any(found):
            return None
        matrix = channel_map(program, node)
        if matrix is None:
            return Refusal("what multiplies the windows is no constant matrix along them", node)
        origin = moved_from(matrix.source, aten.im2col)
        order = None if origin is None else _order(matrix, *origin)
        if origin is None or order is None:
            return Refusal("it does not reach over whole windows", node)
        picture: Any = origin[0].args[0]
        sources = (picture,) if matrix.bias is None else (picture, matrix.bias)
        candidate = _convolution(matrix, origin[0], order)
        if draft(candidate, sources).weight >= _weight(_freed(matrix, origin[0])):
            return Refusal("the convolution would cost more than the matrix", node)
        return Match(node, _Plan(candidate, sources))

    def replace(self, program: Program, match: Match) -> None:
        plan: _Plan = match.plan
        with program.graph.inserting_before(match.node):
            made = plan.candidate.build(Building(program.graph_module, match.node), plan.sources)
        replace_all_uses(match.node, made)


def _order(matrix: ChannelMap, unfold: fx.Node, numbers: torch.Tensor) -> tuple[int, ...] | None:
    """How the result's axes stand to batch (0), channel (1), row (2) and column (3); None where the matrix mixes
    anything but the elements of one window."""
    *batch, size, places = shape(unfold)
    count = batch[0] if batch else 1
    plain = torch.arange(count * size * places, dtype=torch.int32).reshape(count, size, places)
    columns = numbers.movedim(matrix.axis, -1).reshape(-1, numbers.shape[matrix.axis])
    if not torch.equal(columns, plain.movedim(1, 2).reshape(-1, size)):
        return None
    before = torch.Size(shape(matrix.node)[: matrix.axis]).numel()
    orders = {1: (1, 0, 2, 3), count: (0, 1, 2, 3), count * places: (0, 2, 3, 1)}
    return orders.get(before)


def _freed(matrix: ChannelMap, unfold: fx.Node) -> list[fx.Node]:
    """What nobody needs any more without the matrix, back to `unfold`."""
    freed = [matrix.node]
    source: Any = matrix.source
    while len(source.users) == 1:
        freed.append(source)
        if source is unfold:
            break
        source = source.args[0]
    return freed


def _weight(nodes: list[fx.Node]) -> float:
    """Of `nodes`, with `im2col` at the cheapest way to compute it."""
    unfolds = [node for node in nodes if is_call(node, aten.im2col)]
    found = [cheapest(window_candidates(im2col_windows(node), node.args[0]), [node.args[0]]) for node in unfolds]  # type: ignore[arg-type, list-item]
    others = total(node_cost(node) for node in nodes if node not in unfolds)
    return weigh(others) + sum(each.weight for each in found)


def _convolution(matrix: ChannelMap, unfold: fx.Node, order: tuple[int, ...]) -> Candidate:
    source, kernel, dilation, padding, stride = arguments(unfold)
    *batch, channels, height, width = shape(source)

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        picture = reshaped(site, sources[0], [*(batch or [1]), channels, height, width])
        weight = site.constant(matrix.weight.reshape(-1, channels, *kernel), "weight")
        bias = sources[1] if len(sources) > 1 else None
        node = site.call(aten.conv2d.default, picture, weight, bias, stride, padding, dilation, 1)
        layout = Layout(node, ((0,), (1,), (2,), (3,)), dict(enumerate(shape(node))))
        return reshaped(site, layout.ordered(site, order), shape(matrix.node))

    return Candidate("convolution", build)
