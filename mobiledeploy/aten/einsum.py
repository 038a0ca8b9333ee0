"""What an einsum costs: one matrix product, and the permutes that bring operands and result into its order.

    a   Z | M | K    or  Z | K | M      Z: what both operands and the result have
    b   Z | K | N    or  Z | N | K      K: what both operands have, and the result lacks
    ──▶ Z | M | N    or  Z | N | M      M, N: what one operand alone has

Neither Core ML nor ONNX Runtime has another way to compute it; an operand in any other order is permuted first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["einsum_macs", "einsum_moved"]


class _Reading(NamedTuple):
    """The indices of each operand and of the result, those of size one left out, and the size of each index."""

    operands: list[list[str]]
    result: list[str]
    sizes: dict[str, int]


def einsum_macs(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """The product of all index sizes, for two operands or more; what an ellipsis stands for counts once, at its
    largest."""
    return math.prod(_read(equation, shapes).sizes.values()) if len(shapes) > 1 else 0


def einsum_moved(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """The elements that are permuted before or after the product of two operands; 0 for any other number of them."""
    if len(shapes) != 2:
        return 0
    operands, result, sizes = _read(equation, shapes)
    a, b = operands
    both = set(a) & set(b)
    batch = [index for index in result if index in both]
    over = [index for index in a if index in both and index not in batch]
    rows, columns = ([index for index in operand if index in result and index not in both] for operand in operands)
    orders = (
        (a, {(*batch, *rows, *over), (*batch, *over, *rows)}),
        (b, {(*batch, *columns, *over), (*batch, *over, *columns)}),
        (result, {(*batch, *rows, *columns), (*batch, *columns, *rows)}),
    )
    return sum(math.prod(sizes[i] for i in indices) for indices, fitting in orders if tuple(indices) not in fitting)


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
