"""Axes taken apart into the factors that reshapes and permutes move about.

    (B, H, W, C) seen as windows of 7x7:   B | h·7 | w·7 | C

An atom is one factor, larger than 1. A tensor's logical axes are sequences of atoms, slowest first; an axis of size 1
is an empty sequence, so it costs nothing to add or to drop one. The order in which the atoms lie in memory is kept
apart from that, so that a permute is no work until somebody needs the order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["Atom", "Atoms", "Span", "atoms_of", "common_refinement", "flat", "runs_by", "size_of", "spans"]


@dataclass(frozen=True, eq=False)
class Atom:
    """One factor of an axis. Two atoms of one size are two atoms."""

    size: int

    def __repr__(self) -> str:
        return f"{self.size}@{id(self) % 9973}"


Atoms = tuple[Atom, ...]


def atoms_of(sizes: Iterable[int]) -> Atoms:
    """A fresh atom for each size above 1."""
    return tuple(Atom(size) for size in sizes if size > 1)


def size_of(atoms: Iterable[Atom]) -> int:
    return math.prod(atom.size for atom in atoms)


def flat(groups: Iterable[Atoms]) -> Atoms:
    return tuple(atom for group in groups for atom in group)


def common_refinement(*cuts: Sequence[int]) -> tuple[int, ...] | None:
    """The coarsest factors from which every one of `cuts` (factorizations of one number, slowest first) can be put
    together by joining neighbours; None where there are none: (4, 6) and (6, 4) cut 24 at places that interleave.

    (2, 12) and (8, 3) ──▶ (2, 4, 3)
    """
    ends = sorted({product for cut in cuts for product in accumulate(reversed(cut), int.__mul__, initial=1)})
    factors = []
    for inner, outer in pairwise(ends):
        if outer % inner:
            return None
        factors.append(outer // inner)
    return tuple(reversed(factors))


@dataclass(frozen=True)
class Span:
    """`old[start:stop]` of a reshape holds as many elements as `new[first:last]`, and nothing less does."""

    start: int
    stop: int
    first: int
    last: int


def spans(old: Sequence[int], new: Sequence[int]) -> list[Span]:
    """Where two factorizations of one number have common ends; every factor is above 1."""
    before = list(accumulate(old, int.__mul__, initial=1))
    after = list(accumulate(new, int.__mul__, initial=1))
    common = sorted(set(before) & set(after))
    return [Span(before.index(a), before.index(b), after.index(a), after.index(b)) for a, b in pairwise(common)]


def runs_by(atoms: Iterable[Atom], key: dict[Atom, object]) -> list[Atoms]:
    """`atoms` cut wherever `key` changes."""
    runs: list[list[Atom]] = []
    for atom in atoms:
        if runs and key[runs[-1][-1]] == key[atom]:
            runs[-1].append(atom)
        else:
            runs.append([atom])
    return [tuple(run) for run in runs]
