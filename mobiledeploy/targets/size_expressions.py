"""A whole number that depends on the picture's size, as an expression that a program can compute from that size.

    sizes 160, 192, 256:   (10, 12, 16)  ──▶  height // 16
                          (100, 144, 256) ──▶  height * width // 256
                            (6, 6, 8)     ──▶  table[(height - 160) // 32],  table = 6, 6, 6, 8

Only the listed sizes are ever asked for, and the expression is right at each of them; between them it need not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

__all__ = ["Expression", "Lookup", "Quotient", "Size", "Step", "evaluate", "expression"]

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

# Core ML and ONNX compute sizes in int32 at the narrowest.
_LARGEST = 2**31 - 1
HEIGHT, WIDTH = 0, 1


@dataclass(frozen=True)
class Quotient:
    """`(multiplier * product of the axes' sizes + offset) // divisor`; `axes`: any of HEIGHT and WIDTH. Without axes
    it is the constant `offset`, its divisor 1."""

    axes: tuple[int, ...] = ()
    multiplier: int = 1
    offset: int = 0
    divisor: int = 1


@dataclass(frozen=True)
class Step:
    """The place of a size on one axis: `(size[axis] - first) // step`."""

    axis: int
    first: int
    step: int
    count: int


@dataclass(frozen=True)
class Lookup:
    """`table[place]`, where place is that on the first of `steps`, or first * second.count + second of two."""

    steps: tuple[Step, ...]
    table: tuple[int, ...]


Expression: TypeAlias = Quotient | Lookup


def expression(values: Sequence[int], sizes: Sequence[Size]) -> Expression:
    """The simplest expression that is `values[i]` at `sizes[i]`; the sizes are all different."""
    if len(set(values)) == 1:
        return Quotient(offset=values[0])
    for found in _quotients(values, sizes):
        if _holds(found, values, sizes):
            return found
    return _lookup(values, sizes)


def evaluate(found: Expression, size: Size) -> int:
    if isinstance(found, Quotient):
        product = math.prod(size[axis] for axis in found.axes) if found.axes else 0
        return (found.multiplier * product + found.offset) // found.divisor
    place = 0
    for step in found.steps:
        place = place * step.count + (size[step.axis] - step.first) // step.step
    return found.table[place]


def _quotients(values: Sequence[int], sizes: Sequence[Size]) -> Iterator[Quotient]:
    """Proportional to height, width, or their product; then linear in one of them."""
    for axes in ((HEIGHT,), (WIDTH,), (HEIGHT, WIDTH)):
        ratio = Fraction(values[0], math.prod(sizes[0][axis] for axis in axes))
        yield Quotient(axes, ratio.numerator, 0, ratio.denominator)
    for axis in (HEIGHT, WIDTH):
        other = next((i for i, size in enumerate(sizes) if size[axis] != sizes[0][axis]), None)
        if other is not None:
            slope = Fraction(values[other] - values[0], sizes[other][axis] - sizes[0][axis])
            offset = values[0] * slope.denominator - slope.numerator * sizes[0][axis]
            yield Quotient((axis,), slope.numerator, offset, slope.denominator)


def _holds(found: Quotient, values: Sequence[int], sizes: Sequence[Size]) -> bool:
    products = (math.prod(size[axis] for axis in found.axes) for size in sizes)
    small = all(abs(found.multiplier) * product + abs(found.offset) <= _LARGEST for product in products)
    return small and all(evaluate(found, size) == value for value, size in zip(values, sizes, strict=True))


def _lookup(values: Sequence[int], sizes: Sequence[Size]) -> Lookup:
    steps = _steps(sizes)
    table = [values[0]] * math.prod(step.count for step in steps)
    places = Lookup(steps, tuple(range(len(table))))
    for value, size in zip(values, sizes, strict=True):
        table[evaluate(places, size)] = value
    return Lookup(steps, tuple(table))


def _steps(sizes: Sequence[Size]) -> tuple[Step, ...]:
    """The axis that tells all sizes apart, or both."""
    for axis in (HEIGHT, WIDTH):
        if len({size[axis] for size in sizes}) == len(sizes):
            return (_step(axis, sizes),)
    return (_step(HEIGHT, sizes), _step(WIDTH, sizes))


def _step(axis: int, sizes: Sequence[Size]) -> Step:
    lengths = sorted({size[axis] for size in sizes})
    step = math.gcd(*(length - lengths[0] for length in lengths)) or 1
    return Step(axis, lengths[0], step, (lengths[-1] - lengths[0]) // step + 1)
