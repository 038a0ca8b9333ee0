"""What an einsum costs: one matrix product, and the permutes that bring operands and result into its order.

    one operand   Z | M | K      Z: what both operands and the result have
    the other     Z | K | N      K: what both operands have, and the result lacks
    the result    Z | M | N      M, N: what one operand alone has

Neither Core ML nor ONNX Runtime has another way to compute it; an operand in any other order is permuted first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mobiledeploy.aten.equation import read_equation

__all__ = ["einsum_macs", "einsum_permuted"]


def einsum_macs(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """The product of all index sizes, for two operands or more; what an ellipsis stands for counts once, at its
    largest."""
    return math.prod(_sizes(equation, shapes).values()) if len(shapes) > 1 else 0


def einsum_permuted(equation: str, shapes: Sequence[Sequence[int]]) -> list[int]:
    """The number of elements of each value that is permuted before or after the product of two operands; none for any
    other number of operands."""
    if len(shapes) != 2:
        return []
    sizes = _sizes(equation, shapes)
    read = read_equation(equation, [len(shape) for shape in shapes])
    a, b, result = ([name for name in names if sizes[name] > 1] for names in (*read.operands, read.output))

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


def _sizes(equation: str, shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """The size of every index; where one operand is broadcast, the other's."""
    sizes: dict[str, int] = {}
    for names, shape in zip(read_equation(equation, [len(shape) for shape in shapes]).operands, shapes, strict=True):
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
    return sizes
