"""One operator call of the program, with carriers in the place of the values that it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import fx
from torch.utils import _pytree as pytree

from mobiledeploy.aten.graph import arguments, shape
from mobiledeploy.rewrite.axes.carrier import Carrier

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["Handler", "Invocation", "Value"]

# A carrier, or one for each element of a tuple.
Value = Carrier | tuple[Carrier, ...]


@dataclass(frozen=True)
class Invocation:
    """`given`: every argument by its name in the operator's schema, defaults filled in."""

    sketch: Sketch
    node: fx.Node
    given: dict[str, Any]

    @staticmethod
    def of(sketch: Sketch, node: fx.Node, carrier: Callable[[fx.Node], Value]) -> Invocation:
        schema = node.target._schema  # type: ignore[union-attr]
        values: Any = pytree.tree_map_only(fx.Node, carrier, arguments(node))
        return Invocation(
            sketch, node, dict(zip([argument.name for argument in schema.arguments], values, strict=True))
        )

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def carrier(self, name: str = "self") -> Carrier:
        value = self.given[name]
        assert isinstance(value, Carrier)
        return value

    def axis(self, name: str = "dim") -> int:
        """A logical axis of `self`, counted from the first."""
        return int(self.given[name]) % max(1, len(self.carrier().dims))

    def axes(self, name: str = "dim") -> list[int]:
        """Logical axes of `self`; all where none are named."""
        rank, named = len(self.carrier().dims), self.given[name]
        named = [named] if isinstance(named, int) else named
        return [axis % rank for axis in named] if named else list(range(rank))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the call's value."""
        return shape(self.node)

    def again(self, /, **changed: Any) -> fx.Node:
        """Draws the same operator with the arguments `changed`."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for argument in self.node.target._schema.arguments:  # type: ignore[union-attr]
            value = changed.get(argument.name, self.given[argument.name])
            if not argument.kwarg_only:
                args.append(value)
            elif value is not None:
                kwargs[argument.name] = value
        return self.sketch.call(self.node.target, args, kwargs)


Handler = Callable[[Invocation], Value]
