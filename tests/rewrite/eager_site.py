"""Candidates executed while they are built: each node's value is the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from mobiledeploy.rewrite.drafts import Candidate

__all__ = ["run"]


@dataclass(frozen=True)
class EagerSite:
    """Values in float64, where a whole number stays exact."""

    graph: fx.Graph = field(default_factory=fx.Graph)
    name: str = "eager"

    def call(self, target: Callable[..., Any], *args: Any) -> fx.Node:
        values = fx.node.map_arg(args, lambda node: node.meta["val"])
        return self._with(self.graph.call_function(target, args), target(*values))

    def constant(self, value: torch.Tensor, hint: str) -> fx.Node:
        wide = value.double() if value.is_floating_point() else value
        return self._with(self.graph.get_attr(hint), wide)

    def source(self, value: torch.Tensor) -> fx.Node:
        return self._with(self.graph.placeholder("source"), value)

    def _with(self, node: fx.Node, value: Any) -> fx.Node:
        node.meta["val"] = value
        return node


def run(candidate: Candidate, *values: torch.Tensor) -> torch.Tensor:
    """What the candidate makes of its sources."""
    site = EagerSite()
    return candidate.build(site, [site.source(value) for value in values]).meta["val"]  # type: ignore[no-any-return]
