"""The smallest set of operators to keep in float32 so that parity holds.

    all in float32 ──let go of the one whose rounding costs least, again and again──▶ all in float16
         passes                         ↑ bisected: the last that passes                 fails
                                        └──▶ each of its operators tried without: what passes is let go

The order comes from the measured power of every rounding (`noise.py`): a rounding counts from the moment that the first
of its operators is let go of. What overflows counts as infinite and stays to the last. Only executed programs decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.progress import SILENT, Progress

if TYPE_CHECKING:
    from mobiledeploy.parity.noise import Rounding

__all__ = ["MOST_EXECUTIONS", "Judge", "Sensitivity", "Verdict", "smallest_float32_set"]

MOST_EXECUTIONS = 64
"""How many mixtures are executed at most, each on one sample, or on all of them while it passes."""


@dataclass(frozen=True)
class Verdict:
    """Whether a mixture equals the original, and the worst PSNR in dB that was seen."""

    passed: bool
    psnr_db: float


Judge = Callable[[frozenset[str]], Verdict]
"""Executes the program with these operators kept in float32."""


@dataclass(frozen=True)
class Sensitivity:
    """`kept`: the operators, in the order of the program; None where even all of them do not suffice. `minimal`:
    whether each of them was tried without, and parity failed. `psnr_db`: with them kept (with all, where `kept` is
    None); `executions`: how many mixtures were executed."""

    kept: tuple[str, ...] | None
    psnr_db: float
    minimal: bool
    executions: int


def smallest_float32_set(
    choices: Sequence[str],
    roundings: Sequence[Rounding],
    judge: Judge,
    *,
    bar_db: float,
    most_executions: int = MOST_EXECUTIONS,
    progress: Progress = SILENT,
) -> Sensitivity:
    """Of the operators `choices`, in the order of the program. `judge` is told to keep none of them at most once, and
    the same set never twice."""
    search = _Search(choices, judge, most_executions, progress)
    everything = search.ask(frozenset(choices))
    if not everything.passed:
        return Sensitivity(None, everything.psnr_db, minimal=False, executions=search.executions)
    order, powers = _letting_go(choices, roundings)
    gone = _bisected(search, order, _expected(powers, bar_db))
    kept, minimal = _thinned(search, order, gone)
    found = search.ask(kept)
    named = tuple(name for name in choices if name in kept)
    return Sensitivity(named, found.psnr_db, minimal, search.executions)


class _Search:
    """Verdicts so far."""

    def __init__(self, choices: Sequence[str], judge: Judge, most: int, progress: Progress) -> None:
        self.count, self.judge, self.most, self.progress = len(choices), judge, most, progress
        self.known: dict[frozenset[str], Verdict] = {}

    @property
    def executions(self) -> int:
        return len(self.known)

    @property
    def exhausted(self) -> bool:
        return self.executions >= self.most

    def ask(self, kept: frozenset[str]) -> Verdict:
        if kept not in self.known:
            self.progress.step(f"Executing with {len(kept)} of {self.count} operators in float32")
            self.known[kept] = self.judge(kept)
        return self.known[kept]


def _letting_go(choices: Sequence[str], roundings: Sequence[Rounding]) -> tuple[list[str], list[float]]:
    """The operators in the order in which to let go of them, and the power of all roundings after each. Of equals the
    last in the program goes first."""
    by_operator: dict[str, list[int]] = {name: [] for name in choices}
    for index, rounding in enumerate(roundings):
        for name in rounding.operators:
            by_operator[name].append(index)
    places = {name: place for place, name in enumerate(choices)}
    absent = set(range(len(roundings)))
    remaining, order, powers, total = set(choices), [], [], 0.0

    def cost(name: str) -> tuple[float, int, int]:
        new = [roundings[index].power for index in by_operator[name] if index in absent]
        return _finite_sum(new), sum(math.isinf(power) for power in new), -places[name]

    costs = {name: cost(name) for name in choices}
    while remaining:
        best = min(remaining, key=lambda name: (costs[name][1], costs[name][0], costs[name][2]))
        total += math.inf if costs[best][1] else costs[best][0]
        remaining.remove(best)
        order.append(best)
        powers.append(total)
        counted = [index for index in by_operator[best] if index in absent]
        absent.difference_update(counted)
        for name in {name for index in counted for name in roundings[index].operators} & remaining:
            costs[name] = cost(name)
    return order, powers


def _finite_sum(powers: Sequence[float]) -> float:
    return math.fsum(power for power in powers if math.isfinite(power))


def _expected(powers: Sequence[float], bar_db: float) -> int:
    """How many can be let go of if the estimates are right."""
    allowed = 10.0 ** (-bar_db / 10.0)
    return sum(power <= allowed for power in powers)


def _bisected(search: _Search, order: Sequence[str], guess: int) -> int:
    """How many of `order` can be let go of: parity holds with so many, and fails with one more."""
    passing, failing = 0, len(order) + 1
    at = guess
    while failing - passing > 1 and not search.exhausted:
        if not passing < at < failing:
            at = (passing + failing) // 2
        if search.ask(frozenset(order[at:])).passed:
            passing = at
        else:
            failing = at
        at = at + 1 if at == guess and passing == at else (passing + failing) // 2
    return passing


def _thinned(search: _Search, order: Sequence[str], gone: int) -> tuple[frozenset[str], bool]:
    """Without the operators that are not needed, the cheapest tried first; and whether all were tried."""
    kept = frozenset(order[gone:])
    for name in order[gone:]:
        if search.exhausted:
            return kept, False
        if search.ask(kept - {name}).passed:
            kept -= {name}
    return kept, True
