"""A matrix whose results are summed into a picture as blocks is a transposed convolution.

    linear ── permute ── col2im(k3 s2 p1)  ──▶  reshape ── conv_transpose2d(k3 s2 p1) ── + bias, folded

col2im reads a block as (channel, row, column), which is the order of a transposed convolution's weight. Both have the
same multiply-accumulates; the convolution never writes the blocks down. The matrix's bias differs from place to place
of a block, so it becomes the picture that `col2im` makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from mobiledeploy.aten.cost import node_cost, total, weigh
from mobiledeploy.aten.graph import arguments, aten, is_call, replace_all_uses, shape
from mobiledeploy.rewrite.channel_maps import ChannelMap, channel_map, moved_from
from mobiledeploy.rewrite.drafts import Building, Candidate, cheapest, draft
from mobiledeploy.rewrite.fold_candidates import col2im_blocks, fold_candidates
from mobiledeploy.rewrite.layout import Layout, reshaped
from mobiledeploy.rewrite.operators import constant
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.drafts import Site

__all__ = ["MergeFold"]

_MAPS = (aten.linear, aten.conv1d, aten.conv2d, aten.matmul)


class MergeFold:
    """Looks at every `col2im` of a matrix's result, moved about. `Match.plan`: the candidate and its source."""

    name: ClassVar[str] = "merge-fold"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [node for node in program.graph.nodes if is_call(node, aten.col2im)]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        origin = moved_from(node.args[0], *_MAPS)  # type: ignore[arg-type]
        if origin is None:
            return None
        matrix = channel_map(program, origin[0])
        order = None if matrix is None else _order(matrix, origin[1])
        bias = None if matrix is None or matrix.bias is None else constant(program, matrix.bias)
        if matrix is None or order is None or (matrix.bias is not None and bias is None):
            return Refusal("no constant matrix makes the blocks", node)
        freed = _between(node, matrix.node)
        if any(len(each.users) > 1 for each in freed[1:]):
            return Refusal("what the matrix gives is also read elsewhere", node)
        candidate = _convolution(matrix, node, order, bias)
        blocks: Any = node.args[0]
        apart = cheapest(fold_candidates(col2im_blocks(node)), [blocks]).weight
        apart += weigh(total(node_cost(each) for each in freed[1:]))
        if draft(candidate, [matrix.source]).weight >= apart:
            return Refusal("the transposed convolution would cost more than the matrix", node)
        return Match(node, (candidate, matrix.source))

    def replace(self, program: Program, match: Match) -> None:
        candidate, source = match.plan
        with program.graph.inserting_before(match.node):
            made = candidate.build(Building(program.graph_module, match.node), [source])
        replace_all_uses(match.node, made)


def _between(node: fx.Node, matrix: fx.Node) -> list[fx.Node]:
    """From `node` back to `matrix`, both included."""
    chain: list[Any] = [node]
    while chain[-1] is not matrix:
        chain.append(chain[-1].args[0])
    return chain


def _order(matrix: ChannelMap, numbers: torch.Tensor) -> tuple[int, ...] | None:
    """How the matrix's axes stand to batch (0), channel (1), row (2) and column (3); None where the blocks are not its
    results in order."""
    *batch, size, places = numbers.shape
    count = batch[0] if batch else 1
    before = torch.Size(shape(matrix.node)[: matrix.axis]).numel()
    order = {1: (1, 0, 2, 3), count: (0, 1, 2, 3), count * places: (0, 2, 3, 1)}.get(before)
    if order is None or shape(matrix.node)[matrix.axis] != size:
        return None
    extents = {0: count, 1: size, 2: places, 3: 1}
    laid = torch.arange(numbers.numel(), dtype=torch.int32).reshape([extents[label] for label in order])
    blocks = laid.permute([order.index(label) for label in range(4)])
    return order if torch.equal(blocks.reshape(numbers.shape), numbers) else None


def _convolution(matrix: ChannelMap, fold: fx.Node, order: tuple[int, ...], bias: torch.Tensor | None) -> Candidate:
    _, size, kernel, dilation, padding, stride = arguments(fold)
    *batch, columns, _ = shape(fold.args[0])
    channels = columns // (kernel[0] * kernel[1])
    reach = [dilation[i] * (kernel[i] - 1) + 1 for i in range(2)]
    spare = [size[i] + 2 * padding[i] - reach[i] for i in range(2)]
    places = [spare[i] // stride[i] + 1 for i in range(2)]
    extents = dict(enumerate((batch[0] if batch else 1, matrix.weight.shape[1], *places)))

    def build(site: Site, sources: Sequence[fx.Node]) -> fx.Node:
        laid = reshaped(site, sources[0], [extents[label] for label in order])
        layout = Layout(laid, tuple((label,) for label in order), extents)
        picture = layout.arrange(site, ((0,), (1,), (2,), (3,))).node
        weight = site.constant(matrix.weight.T.reshape(-1, channels, *kernel), "weight")
        rest = [spare[i] % stride[i] for i in range(2)]
        geometry = (stride, padding, rest, 1, dilation)
        node = site.call(aten.conv_transpose2d.input, picture, weight, None, *geometry)
        if bias is not None and bias.any():
            blocks = bias.double().reshape(1, -1, 1).expand(1, columns, places[0] * places[1])
            folded = torch.ops.aten.col2im(blocks, size, kernel, dilation, padding, stride)
            node = site.call(aten.add.Tensor, node, site.constant(folded, "bias"))
        return reshaped(site, node, shape(fold))

    return Candidate("transposed convolution", build)
