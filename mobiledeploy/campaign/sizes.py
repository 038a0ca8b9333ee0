"""Which sizes of pictures to measure of a package that takes several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mobiledeploy.errors import InputError

__all__ = ["ChosenSizes", "Size", "SizesTaken", "size_text"]

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

_SHOWN = 12
_OPTION = "--sizes"


def size_text(size: Size) -> str:
    """As the command line takes it."""
    return f"{size[0]}x{size[1]}"


@dataclass(frozen=True)
class SizesTaken:
    """`listed`: every size that a package takes, the default first; none where it takes no pictures. `between`: the
    smallest and the largest, where it takes whatever `fits`, of which `listed` has the default only."""

    listed: tuple[Size, ...] = ()
    between: tuple[str, str] | None = None
    fits: Callable[[Size], bool] | None = None

    def takes(self, size: Size) -> bool:
        return size in self.listed or (self.fits is not None and self.fits(size))

    def __str__(self) -> str:
        if self.between is not None:
            return f"every size from {self.between[0]} to {self.between[1]}"
        shown = ", ".join(map(size_text, self.listed[:_SHOWN])) or "no pictures"
        return shown + (" …" if len(self.listed) > _SHOWN else "")


@dataclass(frozen=True)
class ChosenSizes:
    """What was asked for: `sizes`, in that order; `every` size that a package has; or, with neither, its default."""

    sizes: tuple[Size, ...] = ()
    every: bool = False

    def of(self, name: str, taken: SizesTaken) -> tuple[Size | None, ...]:
        """The sizes to measure of the package `name`; None stands for the only one that it has.

        Raises InputError naming the sizes that it takes, where another was asked for.
        """
        wrong = [size for size in self.sizes if not taken.takes(size)]
        if wrong:
            raise InputError(
                f"{name} does not take {_texts(wrong)}",
                where=_OPTION,
                remedy=f"It takes {taken}. `export --flexible` makes one package for several sizes.",
            )
        if self.every and taken.between is not None:
            what, remedy = f"{name} has no list of sizes, to measure all of it", f"Name some: it takes {taken}."
            raise InputError(what, where=_OPTION, remedy=remedy)
        if len(taken.listed) < 2 and taken.between is None:
            return (None,)
        return self.sizes or (taken.listed if self.every else taken.listed[:1])


def _texts(sizes: Sequence[Size]) -> str:
    return ", ".join(map(size_text, sizes))
