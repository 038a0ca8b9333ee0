"""Sorting, selecting and counting elements. Of equal elements the first comes first. NaN counts as the largest number,
as in NumPy; Core ML documents nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel
from mobiledeploy.mil.size import broadcast_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("ordering")


@FAMILY.operator("argsort", effect=Effect.SELECTION)
def argsort(call: Call) -> Kernel:
    axis, ascending = call.axis("axis", "x", -1), call.flag("ascending", False)
    carrier = call.output_type().dtype.carrier
    return Kernel(("x",), lambda x: torch.argsort(x, dim=axis, descending=not ascending, stable=True).to(carrier))


@FAMILY.operator("topk", effect=Effect.SELECTION)
def topk(call: Call) -> Kernel:
    """The k largest (or, ascending, smallest) elements along the axis, sorted, and their indices; k = -1 takes all."""
    axis, ascending = call.axis("axis", "x", -1), call.flag("ascending", False)
    with_indices = call.flag("return_indices", True)
    carrier = call.output_type(1).dtype.carrier if with_indices else torch.int32

    def run(x: torch.Tensor, k: int) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        count = x.shape[axis] if k == -1 else k
        values, places = torch.sort(x, dim=axis, descending=not ascending, stable=True)
        values = values.narrow(axis, 0, count).contiguous()
        return (values, places.narrow(axis, 0, count).to(carrier)) if with_indices else values

    if call.has("k") and not call.is_constant("k"):
        return Kernel(("x", "k"), lambda x, k: run(x, int(k)))
    k = call.integer("k", 1)
    return Kernel(("x",), lambda x: run(x, k))


@FAMILY.operator("non_zero", effect=Effect.SELECTION)
def non_zero(call: Call) -> Kernel:
    """The indices of the elements that are not zero: (count, rank), in row-major order."""
    carrier = call.output_type().dtype.carrier
    return Kernel(("x",), lambda x: torch.nonzero(x).to(carrier))


@FAMILY.operator("select", effect=Effect.SELECTION)
def select(_: Call) -> Kernel:
    """a where the condition holds, b elsewhere."""

    def run(condition: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        broadcast_shape(condition.shape, a.shape, b.shape)
        return torch.where(condition, a, b)

    return Kernel(("cond", "a", "b"), run)


@FAMILY.operator("cumsum")
def cumsum(call: Call) -> Kernel:
    """`exclusive` leaves the element itself out, `reverse` sums from the end."""
    axis = call.axis("axis", "x", 0)
    exclusive, reverse = call.flag("exclusive", False), call.flag("reverse", False)

    def run(x: torch.Tensor) -> torch.Tensor:
        source = x.flip(axis) if reverse else x
        total = source.cumsum(axis, dtype=x.dtype)
        if exclusive:
            # shifted, not subtracted: an infinity must not reach its own place
            total = torch.cat(
                (torch.zeros_like(total.narrow(axis, 0, 1)), total.narrow(axis, 0, x.shape[axis] - 1)), axis
            )
        return total.flip(axis) if reverse else total

    return Kernel(("x",), run)


@FAMILY.operator("band_part", effect=Effect.SELECTION)
def band_part(call: Call) -> Kernel:
    """Zero outside the band of the last two axes: `lower` diagonals below and `upper` above, all when negative."""
    lower, upper = call.integer("lower", -1), call.integer("upper", -1)

    def run(x: torch.Tensor) -> torch.Tensor:
        distance = torch.arange(x.shape[-1]) - torch.arange(x.shape[-2]).reshape(-1, 1)
        band = torch.ones_like(distance, dtype=torch.bool)
        if lower >= 0:
            band &= distance >= -lower
        if upper >= 0:
            band &= distance <= upper
        return torch.where(band, x, torch.zeros((), dtype=x.dtype))

    return Kernel(("x",), run)
