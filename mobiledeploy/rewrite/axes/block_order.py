"""A reordering of many axes as the fewest permutes of few axes each.

    a b c d e f  ──▶  f d b e c a     with at most 5 axes at a time:   two permutes

Neighbours that stay neighbours travel as one block. Each permute is a pass over memory, so the fewest are looked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, pairwise, permutations

__all__ = ["Block", "Step", "block_steps"]

# A block is a range of positions (start, stop) before the permute; a step lists the blocks in the order after it.
Block = tuple[int, int]
Step = tuple[Block, ...]

# How many arrangements one step may try; above it only exchanges of two neighbouring blocks are tried, which is enough
# to reach any order.
_MOST_TRIED = 50_000


@lru_cache(maxsize=4096)
def block_steps(order: tuple[int, ...], bound: int, ends: frozenset[int] = frozenset()) -> tuple[Step, ...]:
    """The permutes, each of at most `bound` >= 3 blocks, that bring 0, 1, …, n-1 into `order`; none if it is there.

    Two are found where two suffice; beyond that each step is the one that leaves the fewest blocks. `ends`: where the
    axes end that are there before the first permute; of equally good ones it is one that cuts nowhere else.
    """
    assert bound >= 3, "with two axes at a time not every order can be reached"
    place = {item: goal for goal, item in enumerate(order)}
    current = tuple(place[item] for item in range(len(order)))
    steps: list[Step] = []
    while len(blocks := _blocks(current)) > 1:
        ranks = _ranks(current, blocks)
        chosen = [_sorted(ranks)] if len(blocks) <= bound else _best_moves(ranks, bound)
        options = [tuple((blocks[start][0], blocks[stop - 1][1]) for start, stop in step) for step in chosen]
        step = options[0] if steps else min(options, key=lambda option: (_foreign(option, ends), len(option)))
        steps.append(step)
        current = tuple(current[position] for start, stop in step for position in range(start, stop))
    return tuple(steps)


def _best_moves(ranks: Sequence[int], bound: int) -> list[Step]:
    """The moves that leave the fewest blocks, or few enough for one more; ranges that stay side by side as one."""
    best: list[Step] = []
    fewest = len(ranks)
    for step in _moves(len(ranks), bound):
        after = [ranks[position] for start, stop in step for position in range(start, stop)]
        left = max(bound, 1 + sum(b != a + 1 for a, b in pairwise(after)))
        if left < fewest:
            fewest, best = left, []
        if left == fewest:
            best.append(_merged(step))
    return best


def _merged(step: Step) -> Step:
    merged = [step[0]]
    for start, stop in step[1:]:
        if merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return tuple(merged)


def _foreign(step: Step, ends: frozenset[int]) -> bool:
    return not {stop for _, stop in step} <= ends


def _blocks(current: Sequence[int]) -> list[Block]:
    """Maximal ranges whose goals are consecutive."""
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(current)) if b != a + 1)] if current else []
    return list(pairwise([*starts, len(current)]))


def _ranks(current: Sequence[int], blocks: Sequence[Block]) -> tuple[int, ...]:
    goals = sorted(current[start] for start, _ in blocks)
    return tuple(goals.index(current[start]) for start, _ in blocks)


def _sorted(ranks: Sequence[int]) -> Step:
    return tuple((position, position + 1) for position in sorted(range(len(ranks)), key=ranks.__getitem__))


def _moves(count: int, bound: int) -> Iterator[Step]:
    """Ways to cut `count` blocks into at most `bound` ranges and to put these in another order."""
    if math.comb(count - 1, bound - 1) * math.factorial(bound) <= _MOST_TRIED:
        for cuts in combinations(range(1, count), bound - 1):
            yield from permutations(pairwise((0, *cuts, count)))
        return
    for start, middle, stop in combinations(range(count + 1), 3):
        if bound > 3 or start == 0 or stop == count:
            ranges = ((0, start), (middle, stop), (start, middle), (stop, count))
            yield tuple((a, b) for a, b in ranges if a < b)
