"""Operators that join tensors, repeat or surround them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Effect, Family, Kernel
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("joining")


@FAMILY.operator("concat", effect=Effect.SELECTION)
def concat(call: Call) -> Kernel:
    """Along the axis; interleaved, one slice of each tensor at a time. Scalars give a vector of them."""
    if call.rank("values") == 0:
        return Kernel(("values",), lambda *values: torch.stack(values))
    axis = call.axis("axis", "values")
    if not call.flag("interleave", False):
        return Kernel(("values",), lambda *values: torch.cat(_bounded(values), axis))
    return Kernel(("values",), lambda *values: torch.stack(_bounded(values), axis + 1).flatten(axis, axis + 1))


@FAMILY.operator("stack", effect=Effect.SELECTION)
def stack(call: Call) -> Kernel:
    """Along a new axis, which is `axis` of the result."""
    rank = call.rank("values") + 1
    axis = call.integer("axis")
    if not -rank <= axis < rank:
        raise call.invalid(f"parameter 'axis' is {axis}, but the result has rank {rank}")
    shapes = {kind.shape for kind in call.tensor_types("values") if kind.size is not None}
    if len(shapes) > 1:
        raise call.invalid(f"the shapes of the values differ: {sorted(map(str, shapes))}")
    return Kernel(("values",), lambda *values: torch.stack(_bounded(values), axis))


def _bounded(values: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The values, whose elements together are not too many."""
    checked_shape([sum(value.numel() for value in values)])
    return values


@FAMILY.operator("tile", effect=Effect.SELECTION)
def tile(call: Call) -> Kernel:
    """Repeated `reps` times along each axis."""
    if call.is_constant("reps"):
        reps = call.integers("reps")
        return Kernel(("x",), lambda x: _tile(x, reps))
    return Kernel(("x", "reps"), lambda x, reps: _tile(x, reps.tolist()))


def _tile(x: torch.Tensor, reps: Sequence[int]) -> torch.Tensor:
    checked_shape([size * times for size, times in zip(x.shape, reps, strict=True)])
    return x.repeat(*reps)


@FAMILY.operator("pad", effect=Effect.SELECTION)
def pad(call: Call) -> Kernel:
    """`pad` holds (before, after) for each of the last axes. `reflect` mirrors without the border element, `replicate`
    repeats it."""
    modes = {"constant": None, "reflect": _reflected, "replicate": _replicated}
    places = call.choice("mode", modes, "constant")
    value = call.number("constant_val", 0.0)

    def run(x: torch.Tensor, amounts: Sequence[int]) -> torch.Tensor:
        pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
        start = x.dim() - len(pairs)
        if min(amounts, default=0) < 0 or start < 0:
            raise ValueError(f"cannot pad a tensor of rank {x.dim()} by {list(amounts)}")
        checked_shape([*x.shape[:start], *(size + sum(p) for size, p in zip(x.shape[start:], pairs, strict=True))])
        if places is None or not pairs:
            return functional.pad(x, [amount for pair in reversed(pairs) for amount in pair], value=value)
        for axis, (before, after) in enumerate(pairs, start):
            x = x.index_select(axis, places(torch.arange(-before, x.shape[axis] + after), x.shape[axis]))
        return x

    if call.is_constant("pad"):
        amounts = call.integers("pad")
        return Kernel(("x",), lambda x: run(x, amounts))
    return Kernel(("x", "pad"), lambda x, pads: run(x, pads.tolist()))


def _reflected(places: torch.Tensor, size: int) -> torch.Tensor:
    places = places.abs()
    return torch.where(places < size, places, 2 * (size - 1) - places)


def _replicated(places: torch.Tensor, size: int) -> torch.Tensor:
    return places.clamp(0, size - 1)
