"""BatchNorm in eval mode disappears into the convolution or Linear before it, or into all that read it.

    conv ── bn ──▶ conv'            bn ── reshape ── permute ── linear ──▶ reshape ── permute ── linear'

bn(x) = s·x + t with s = gamma / sqrt(variance + eps), t = beta - s·mean (Ioffe and Szegedy, 2015, algorithm 2). Before
a zero-padded convolution only t = 0 is exact: else the border would see t instead of the zeros it was trained with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call, replace_all_uses
from mobiledeploy.rewrite.folding import fold_backward, fold_forward
from mobiledeploy.rewrite.operators import per_channel
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["FoldBatchNorm"]


class FoldBatchNorm:
    """Backward first: there it is exact whatever the padding."""

    name: ClassVar[str] = "fold-batch-norm"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [node for node in program.graph.nodes if is_call(node, aten.batch_norm.default)]

    def check(self, program: Program, node: fx.Node) -> Match | Refusal:
        scaled = per_channel(program, node, axis=1)
        if scaled is None:
            return Refusal("its statistics are computed from the batch or are no constants", node)
        backward = fold_backward(program, scaled)
        if not isinstance(backward, str):
            return Match(node, (backward, scaled.source))
        forward = fold_forward(program, scaled)
        if not isinstance(forward, str):
            return Match(node, (forward, scaled.source))
        return Refusal(f"{backward}; {forward}", node)

    def replace(self, program: Program, match: Match) -> None:
        fold, source = match.plan
        fold.apply(program)
        replace_all_uses(match.node, source)
