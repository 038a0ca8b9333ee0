"""Where a graph computes an activation that has a name, in whatever operators it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.rewrite.activations import Named, name_of
from mobiledeploy.rewrite.pointwise import Region, function_of, regions

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Site", "largest_site", "sites"]


@dataclass(frozen=True)
class Site:
    """`region` computes the activation `named`."""

    region: Region
    named: Named

    @property
    def own_nodes(self) -> tuple[fx.Node, ...]:
        """The nodes that nothing else reads: what goes when the root goes."""
        inside = set(self.region.nodes)
        own = {self.region.root}
        for node in reversed(self.region.nodes):
            if node in inside and all(user in own for user in node.users):
                own.add(node)
        return tuple(node for node in self.region.nodes if node in own)


def sites(program: Program) -> Iterator[Site]:
    """Every site, the last of the graph first; not those that are but a part of a larger one, as the sigmoid in
    `x * sigmoid(x)` is, unless something else reads them too."""
    taken: set[fx.Node] = set()
    for node in reversed(list(program.graph.nodes)):
        if node in taken:
            continue
        found = largest_site(program, node)
        if found is not None:
            taken |= set(found.own_nodes)
            yield found


def largest_site(program: Program, root: fx.Node, *, least: int = 1) -> Site | None:
    """The largest named region of `least` operators or more that ends in `root`."""
    for region in reversed([found for found in regions(program, root) if len(found.nodes) >= least]):
        named = name_of(function_of(program, region))
        if named is not None:
            return Site(region, named)
    return None
