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

__all__ = ["Redrawing", "check_region", "redraw"]


@dataclass(frozen=True)
class Redrawing:
    """What each of some regions becomes."""

    drawings: Sequence[tuple[Region, Drawing]]

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
    choices: list[Redrawing] = []
    obstacle: Obstacle | None = None
    for chosen in [[own] if len(parts) == 1 else parts, [wide]]:
        for settles in (True, False):
            drawn = [draw(region, bound, settles=settles) for region in chosen]
            failed = [one for one in drawn if isinstance(one, Obstacle)]
            obstacle = obstacle or next(iter(failed), None)
            if not failed:
                pairs = zip(chosen, drawn, strict=True)
                choices.append(Redrawing([(region, one) for region, one in pairs if isinstance(one, Drawing)]))
    if choices:
        return Match(node, min(choices, key=lambda choice: choice.growth))
    assert obstacle is not None
    return Refusal(obstacle.reason, obstacle.node)


def redraw(program: Program, redrawing: Redrawing) -> None:
    """Puts the drawings in the place of their regions."""
    for region, drawing in redrawing.drawings:
        put_in_place(program, drawing)
        for node in reversed(region):
            if not node.users:
                program.graph.erase_node(node)
