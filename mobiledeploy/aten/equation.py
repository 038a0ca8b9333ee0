"""An einsum equation, read as torch reads it (torch.einsum's documentation).

"b...i,i->...b" of ranks (4, 1)   ──▶   (b, .2, .1, i), (i)   ──▶   (.2, .1, b)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Equation", "read_equation"]


@dataclass(frozen=True)
class Equation:
    """One name for each axis of each operand, and of the output."""

    operands: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]


def read_equation(text: str, ranks: Sequence[int]) -> Equation:
    """What an ellipsis stands for is counted from its last axis. Without an arrow the output has these axes first, and
    then, in the order of ASCII, the letters that occur once."""
    left, arrow, right = text.replace(" ", "").partition("->")
    sides = left.split(",")
    operands = tuple(_names(side, rank) for side, rank in zip(sides, ranks, strict=True))
    hidden = max((sum(name.startswith(".") for name in names) for names in operands), default=0)
    if arrow:
        before, dots, behind = right.partition("...")
        return Equation(operands, (*before, *(_hidden(hidden) if dots else ()), *behind))
    letters = left.replace(",", "").replace(".", "")
    once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
    return Equation(operands, (*_hidden(hidden), *once))


def _names(side: str, rank: int) -> tuple[str, ...]:
    before, dots, behind = side.partition("...")
    hidden = rank - len(before) - len(behind)
    return (*before, *(_hidden(hidden) if dots else ()), *behind)


def _hidden(number: int) -> tuple[str, ...]:
    return tuple(f".{place}" for place in range(number, 0, -1))
