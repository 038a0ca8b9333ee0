"""A region drawn in several ways, and the cheapest chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.aten.cost import node_cost, total, weigh
from mobiledeploy.rewrite.axes.interpretation import Drawing, Obstacle, draw, put_in_place
from mobiledeploy.rewrite.axes.region import Region, regions
from mobiledeploy.rewrite.rule import Match, Refusal

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program
    from mobiledeploy.rewrite.axes.sketch import Settling

__all__ = ["Redrawing", "check_region", "redraw"]

_SETTLINGS: tuple[frozenset[Settling], ...] = (
    frozenset(),
    frozenset({"parts"}),
    frozenset({"map"}),
    frozenset({"parts", "map"}),
)


@dataclass(frozen=True)
class Redrawing:
    """What each of some regions becomes."""

    drawings: Sequence[tuple[Region, Drawing]]

    @property
    def operators(self) -> int:
        """How many more operators there are."""
        before = sum(total(map(node_cost, region)).operators for region, _ in self.drawings)
        return sum(drawing.cost.operators for _, drawing in self.drawings) - before

    @property
    def growth(self) -> float:
        """How much more the drawings cost than what they replace, in multiply-accumulates."""
        before = sum(weigh(total(map(node_cost, region))) for region, _ in self.drawings)
        return sum(weigh(drawing.cost) for _, drawing in self.drawings) - before


def check_region(
    program: Program, node: fx.Node, is_core: Callable[[fx.Node], bool], bound: int
) -> Match | Refusal | None:
    """The cheapest redrawing of the region of `node`; its plan is a Redrawing. `is_core`: as in `regions`.

    Where operators of few axes stand between parts of the region, as attention does between the windows taken apart and
    put together, the region is also drawn with these, so that nothing is put in order on their account alone.
    """
    narrow = regions(program.graph, is_core)
    own = next((region for region in narrow if node in region), None)
    if own is None:
        return None
    wide = next(region for region in regions(program.graph, is_core, absorbs=True) if node in region)
    parts = [region for region in narrow if region[0] in set(wide)]
    choices, obstacles = _drawn(parts, bound)
    if len(parts) > 1 or len(wide) > len(own):
        choices += _drawn([wide], bound)[0]
    if len(parts) > 1 and not choices:
        choices, obstacles = _drawn([own], bound)
    if choices:
        return Match(node, min(choices, key=lambda choice: choice.growth))
    return Refusal(obstacles[0].reason, obstacles[0].node)


def _drawn(chosen: Sequence[Region], bound: int) -> tuple[list[Redrawing], list[Obstacle]]:
    """`chosen` drawn in the ways that there are, and what stands against it."""
    choices: list[Redrawing] = []
    obstacles: list[Obstacle] = []
    relevant: set[Settling] = {"parts", "map"}
    for settles in _SETTLINGS:
        if not settles <= relevant:
            continue  # it would be drawn as without
        drawn = [draw(region, bound, settles=settles) for region in chosen]
        obstacles += [one for one in drawn if isinstance(one, Obstacle)]
        pairs = [(region, one) for region, one in zip(chosen, drawn, strict=True) if isinstance(one, Drawing)]
        if len(pairs) == len(chosen):
            choices.append(Redrawing(pairs))
            relevant = set().union(*(drawing.sketch.asked for _, drawing in pairs))
    return choices, obstacles


def redraw(program: Program, redrawing: Redrawing) -> None:
    """Puts the drawings in the place of their regions."""
    for region, drawing in redrawing.drawings:
        put_in_place(program, drawing)
        for node in reversed(region):
            if not node.users:
                program.graph.erase_node(node)
