"""What an einsum costs: one matrix product, and the permutes that bring operands and result into its order.

    one operand   Z | M | K      Z: what both operands and the result have
    the other     Z | K | N      K: what both operands have, and the result lacks
    the result    Z | M | N      M, N: what one operand alone has

Neither Core ML nor ONNX Runtime has another way to compute it; an operand in any other order is permuted first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["einsum_macs", "einsum_permuted"]


class _Reading(NamedTuple):
    """The indices of each operand and of the result, those of size one left out, and the size of each index."""

    operands: list[list[str]]
    result: list[str]
    sizes: dict[str, int]


def einsum_macs(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """The product of all index sizes, for two operands or more; what an ellipsis stands for counts once, at its
    largest."""
    return math.prod(_read(equation, shapes).sizes.values()) if len(shapes) > 1 else 0


def einsum_permuted(equation: str, shapes: Sequence[Sequence[int]]) -> list[int]:
    """The number of elements of each value that is permuted before or after the product of two operands; none for any
    other number of operands."""
    if len(shapes) != 2:
        return []
    (a, b), result, sizes = _read(equation, shapes)

    def permuted(first: list[str], second: list[str]) -> list[int]:
        both = set(first) & set(second)
        batch = [index for index in result if index in both]
        over = [index for index in first if index in both and index not in batch]
        rows, columns = ([index for index in one if index in result and index not in both] for one in (first, second))
        orders = (
            (first, [*batch, *rows, *over]),
            (second, [*batch, *over, *columns]),
            (result, [*batch, *rows, *columns]),
        )
        return [math.prod(sizes[index] for index in found) for found, fitting in orders if found != fitting]

    return min(permuted(a, b), permuted(b, a), key=sum)


def _read(equation: str, shapes: Sequence[Sequence[int]]) -> _Reading:
    left, _, right = equation.replace(" ", "").partition("->")
    terms = [_spread(term, len(sizes)) for term, sizes in zip(left.split(","), shapes, strict=True)]
    sizes: dict[str, int] = {}
    for term, of_term in zip(terms, shapes, strict=True):
        for index, size in zip(term, of_term, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    named = [index for term in terms for index in term]
    hidden = sorted({index for index in named if index.startswith(".")}, key=lambda index: -int(index[1:]))
    if "->" in equation:
        before, dots, after = right.partition("...")
        result = [*before, *(hidden if dots else []), *after]
    else:
        result = [*hidden, *sorted(i for i in set(named) if named.count(i) == 1 and not i.startswith("."))]
    wide = {index for index, size in sizes.items() if size > 1}
    return _Reading([[i for i in term if i in wide] for term in terms], [i for i in result if i in wide], sizes)


def _spread(term: str, rank: int) -> list[str]:
    """One index per axis; those of an ellipsis are counted from its end, as broadcasting does."""
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after) if dots else 0
    return [*before, *(f".{hidden - i}" for i in range(hidden)), *after]
