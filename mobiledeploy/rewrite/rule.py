"""What a rewrite rule is: find, check, replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["Match", "Refusal", "Rule"]


@dataclass(frozen=True)
class Match:
    """The rule applies at `node`; `plan` is what its `replace` needs to know."""

    node: fx.Node
    plan: Any


@dataclass(frozen=True)
class Refusal:
    """The pattern stands at `node`, and `reason` says why the rule leaves it alone."""

    reason: str
    node: fx.Node


class Rule(Protocol):
    """`exact`: the same function in real arithmetic, proven in float64 after every application. `approximation`:
    another function, only on request.

    `find` yields the nodes where the pattern may stand, in graph order; `check` looks without touching, takes nothing
    from `find` for granted (an earlier match may have changed the surroundings), and gives None where there turns out
    to be nothing to do; `replace` edits the graph for one match and leaves the dead
    nodes to the engine, which erases what `Match.node` alone needed once nothing reads it.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["exact", "approximation"]: ...

    def find(self, program: Program) -> Iterator[fx.Node]: ...

    def check(self, program: Program, node: fx.Node) -> Match | Refusal | None: ...

    def replace(self, program: Program, match: Match) -> None: ...
