"""Another activation in the place of the model's: on request only, for it is another function.

    x ── hardswish ── conv                              ──▶   x ── gelu ── conv
    x ── add 3 ── relu6 ── mul x ── div 6 ── conv       ──▶   x ── gelu ── conv

The activation is found in whatever operators it is written (`activation_sites`); one that is but a part of another, as
the sigmoid in silu, stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mobiledeploy.aten.graph import replace_all_uses
from mobiledeploy.rewrite.activation_sites import Site, largest_site, sites
from mobiledeploy.rewrite.activations import activation
from mobiledeploy.rewrite.rule import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["SubstituteActivation"]


@dataclass(frozen=True)
class SubstituteActivation:
    """`source` and `target`: names of `activations.ACTIVATIONS`. Every `source` matches, whatever its parameters;
    `target` gets its defaults."""

    source: str
    target: str
    kind: Literal["approximation"] = "approximation"

    @property
    def name(self) -> str:
        return f"{self.source}={self.target}"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from [site.region.root for site in sites(program) if site.named.activation.name == self.source]

    def check(self, program: Program, node: fx.Node) -> Match | None:
        site = largest_site(program, node)
        return None if site is None or site.named.activation.name != self.source else Match(node, site)

    def replace(self, program: Program, match: Match) -> None:
        site: Site = match.plan
        chosen = activation(self.target)
        assert chosen is not None
        with program.graph.inserting_before(match.node):
            made = chosen.insert(program.graph, site.region.source, chosen.defaults, like=match.node)
        replace_all_uses(match.node, made)
