"""Matrix products and einsum, all as contractions of named axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.equation import Equation, read_equation
from mobiledeploy.aten.graph import aten, shape
from mobiledeploy.rewrite.axes.align import aligned
from mobiledeploy.rewrite.axes.atoms import Atoms, flat
from mobiledeploy.rewrite.axes.axis_view import axis_view
from mobiledeploy.rewrite.axes.contraction import contracted
from mobiledeploy.rewrite.axes.layout import joined
from mobiledeploy.rewrite.axes.regroup import fused

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.carrier import Carrier
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation
    from mobiledeploy.rewrite.axes.sketch import Sketch

__all__ = ["HANDLERS"]


def _einsum(call: Invocation) -> Carrier:
    """einsum(equation, operands)  ──▶  sums, matrix products and multiplications"""
    operands: list[Carrier] = list(call["tensors"])
    equation = read_equation(call["equation"], [len(operand.dims) for operand in operands])
    return _contraction(call.sketch, equation, operands)


def _matmul(call: Invocation) -> Carrier:
    """(…, m, k) @ (…, k, n): an axis of the batch that only one of the two has is rows or columns of it"""
    names = [name for name in call.given if name in ("self", "other", "mat2", "tensor", "vec")]
    operands = [call.carrier(name) for name in names]
    batch = max(len(operand.dims) - 2 for operand in operands)
    spread = [f"b{batch - i}" for i in range(batch)]
    sides = []
    for operand, last in zip(operands, (("m", "k"), ("k", "n")), strict=True):
        rank = len(operand.dims)
        sides.append((*spread[batch - max(rank - 2, 0) :], *last) if rank > 1 else ("k",))
    ends = [letter for letter in ("m", "n") if any(letter in side for side in sides)]
    return _contraction(call.sketch, Equation(tuple(sides), (*spread[max(-batch, 0) :], *ends)), operands)


def _contraction(sketch: Sketch, equation: Equation, operands: Sequence[Carrier]) -> Carrier:
    letters = list(dict.fromkeys([*equation.output, *(letter for side in equation.operands for letter in side)]))
    placed = []
    for operand, side in zip(operands, equation.operands, strict=True):
        x, named = _without_repeats(sketch, operand, side)
        placed.append(x.with_dims(x.dims[named.index(letter)] if letter in named else () for letter in letters))
    placed = aligned(sketch, placed)
    dims = [_dim(placed, axis) for axis in range(len(letters))]
    kept = dims[: len(equation.output)]
    gone = flat(dims[len(equation.output) :])
    placed = [joined(sketch, carrier, tuple(atom for atom in gone if atom in carrier.logical)) for carrier in placed]
    result = contracted(sketch, placed, flat(kept))
    return result.with_dims(kept)


def _dim(carriers: Sequence[Carrier], axis: int) -> Atoms:
    return next((carrier.dims[axis] for carrier in carriers if carrier.dims[axis]), ())


def _without_repeats(sketch: Sketch, x: Carrier, side: Sequence[str]) -> tuple[Carrier, list[str]]:
    """The diagonal of two axes of one letter: every (n+1)-th element of both as one axis."""
    named = list(side)
    while repeated := next((letter for letter in named if named.count(letter) > 1), None):
        first = named.index(repeated)
        second = named.index(repeated, first + 1)
        both = x.dims[first] + x.dims[second]
        size = x.shape[first]
        if both:
            x, one = fused(sketch, x, both)
            dims = tuple((one,) if axis == first else dim for axis, dim in enumerate(x.dims) if axis != second)
            view = axis_view(sketch, x.with_dims(dims), first)
            diagonal = sketch.call(aten.slice.Tensor, (view.node, view.number, 0, size * size, size + 1))
            x = view.resized(diagonal, shape(diagonal)[view.number])
        else:
            x = x.with_dims(dim for axis, dim in enumerate(x.dims) if axis != second)
        del named[second]
    return x, named


HANDLERS: dict[Any, Handler] = {
    aten.bmm.default: _matmul,
    aten.dot.default: _matmul,
    aten.einsum.default: _einsum,
    aten.matmul.default: _matmul,
    aten.mm.default: _matmul,
    aten.mv.default: _matmul,
}
