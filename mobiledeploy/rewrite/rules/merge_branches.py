"""Parallel linear branches become one convolution.

    x ─┬─ conv3 ─ bn ─┐                      x ── conv3' ── y
       ├─ conv1 ─ bn ─┤
       ├─ bn ─────────┼─ + ── y      ──▶
       └─ (x · s) ────┘

Σ_b A_b x + c_b = (Σ_b A_b) x + Σ_b c_b, with kernels aligned by their taps and padded with zeros (Ding et al., RepVGG,
2021, section 3.3, for 3x3 + 1x1 + identity; here for any geometry). Whether a merge pays is the cost's decision: a
dense 1x1 is not merged into a depthwise kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.aten.graph import replace_all_uses
from mobiledeploy.rewrite.emission import emit, plan
from mobiledeploy.rewrite.forms import FormReader, Space, is_sum, spaces
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.emission import Emission

__all__ = ["MergeBranches"]


class MergeBranches:
    """Looks at every node that ends an affine region with a sum in it, and at the sums inside."""

    name: ClassVar[str] = "merge-branches"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        readers: dict[Space, FormReader] = {}
        covered: dict[Space, set[fx.Node]] = {}
        roots: dict[fx.Node, None] = {}
        for node in reversed(program.graph.nodes):
            for space in spaces(node):
                reader = readers.setdefault(space, FormReader(program, space))
                inside = covered.setdefault(space, set())
                form = None if node in inside else reader.form(node)
                if form is not None and any(is_sum(member) for member in form.region):
                    inside |= form.region
                    roots[node] = None
        yield from reversed(roots)

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        """The part of the region that gains most: a scale behind a sum may cost more inside the sum than behind it."""
        plans: list[tuple[fx.Node, Emission]] = []
        for space in spaces(node):
            reader = FormReader(program, space)
            form = reader.form(node)
            for member in [] if form is None else sorted(form.region, reverse=True):
                if member is node or is_sum(member):
                    part = reader.form(member)
                    assert part is not None
                    plans.append((member, plan(part, member)))
        root, best = max(plans, key=lambda each: each[1].gain, default=(node, None))
        if best is not None and best.gain > 0:
            return Match(root, best)
        obstacles = dict.fromkeys(reason for root, emission in plans if root is node for reason in emission.obstacles)
        return Refusal("; ".join(obstacles), node) if obstacles else None

    def replace(self, program: Program, match: Match) -> None:
        replace_all_uses(match.node, emit(program, match.plan, match.node))
