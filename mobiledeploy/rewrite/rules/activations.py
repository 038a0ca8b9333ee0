"""An activation written out by hand becomes the one operator that it is.

    x ── add 3 ── clamp(0, 6) ── mul x ── div 6    ──▶   hardswish
    x ── sigmoid ── mul x                          ──▶   silu
    x ── exp ── add 1 ── log ── tanh ── mul x      ──▶   mish

The written part is read as a function of its one input (`pointwise.Region`) and compared in float64 with every function
that has a name (`activations.ACTIVATIONS`); its constants are thereby checked to eleven digits, and neither the order
of operands nor the choice of operators matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mobiledeploy.aten.graph import aten, is_call, replace_all_uses
from mobiledeploy.rewrite.activation_sites import Site, largest_site
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["NameActivations"]

_CLAMPS = (aten.clamp, aten.clamp_min, aten.clamp_max, aten.relu6, aten.hardtanh, aten.minimum, aten.maximum)


class NameActivations:
    """Looks at every pointwise operator as the last of an activation, the last of the graph first, so that the whole is
    seen before its parts."""

    name: ClassVar[str] = "name-activations"
    kind: ClassVar[Literal["exact"]] = "exact"

    def find(self, program: Program) -> Iterator[fx.Node]:
        yield from reversed([node for node in program.graph.nodes if node.op == "call_function"])

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None:
        site = largest_site(program, node)
        if site is None:
            return None
        written, needed = len(site.region.nodes), len(site.named.activation.operators)
        if needed > written or (needed == written and not _is_respelled(site)):
            return None
        if needed > len(site.own_nodes) or (needed == len(site.own_nodes) and written > 1):
            return Refusal(f"parts of its {site.named.activation.name} are read elsewhere, too", node)
        return Match(node, site)

    def replace(self, program: Program, match: Match) -> None:
        site: Site = match.plan
        with program.graph.inserting_before(match.node):
            named = site.named.activation.insert(
                program.graph, site.region.source, site.named.parameters, like=match.node
            )
        replace_all_uses(match.node, named)


def _is_respelled(site: Site) -> bool:
    """One operator that is a simpler one's special case: clamp(x, 0, None) is a ReLU, celu(x, 1) an ELU. A clamp on
    both sides is as simple as a hardtanh."""
    if len(site.region.nodes) > 1 or is_call(site.region.root, *_CLAMPS):
        return site.named.activation.name == "relu" and len(site.region.nodes) == 1
    return site.region.root.target is not site.named.activation.operators[0]
