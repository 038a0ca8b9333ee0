"""A part of a suite that is the same everywhere, and balanced over its test functions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["seed_of", "select"]


def select(names: Iterable[str], per_function: int, seed: str) -> set[str]:
    """`per_function` cases of every test function: those whose names, hashed with the seed, come first."""
    functions: dict[str, list[str]] = defaultdict(list)
    for name in names:
        functions[name.partition("[")[0]].append(name)
    return {
        name
        for cases in functions.values()
        for name in sorted(cases, key=lambda name: _digest(name, seed))[:per_function]
    }


def seed_of(name: str, seed: str) -> int:
    """What the random values of a case start from: its own, wherever and after whichever cases it runs."""
    return int.from_bytes(_digest(name, seed)[:4], "big")


def _digest(name: str, seed: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
