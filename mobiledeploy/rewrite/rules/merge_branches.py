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

from collections import defaultdict
from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from torch import fx

from mobiledeploy.aten.cost import weigh
from mobiledeploy.aten.graph import replace_all_uses
from mobiledeploy.aten.program import Program
from mobiledeploy.rewrite.emission import emit, plan
from mobiledeploy.rewrite.forms import Space, affine_form, is_sum, spaces
from mobiledeploy.rewrite.rule import Match, Refusal

__all__ = ["MergeBranches"]


class MergeBranches:
    """Looks at every node that ends an affine region with a sum in it."""

    name: ClassVar[str] = "merge-branches"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        covered: dict[Space, set[fx.Node]] = defaultdict(set)
        roots: dict[fx.Node, None] = {}
        for node in reversed(program.graph.nodes):
            for space in _spaces(node):
                if node in covered[space]:
                    continue
                form = affine_form(program, node, space)
                if form is not None and any(is_sum(member) for member in form.region):
                    covered[space] |= form.region
                    roots[node] = None
        yield from reversed(roots)

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        forms = [form for space in _spaces(node) if (form := affine_form(program, node, space)) is not None]
        emissions = [plan(form, node) for form in forms]
        paying = [emission for emission in emissions if emission.pays]
        if paying:
            return Match(node, min(paying, key=lambda emission: weigh(emission.after)))
        obstacles = dict.fromkeys(reason for emission in emissions for reason in emission.obstacles)
        return Refusal("; ".join(obstacles), node) if obstacles else None

    def replace(self, program: Program, match: Match) -> None:
        replace_all_uses(match.node, emit(program, match.plan, match.node))


def _spaces(node: fx.Node) -> tuple[Space, ...]:
    is_tensor = node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor)
    return spaces(node) if is_tensor else ()
