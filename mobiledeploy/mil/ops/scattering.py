"""Writing elements by index; each mode combines what was there with the updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Family, Kernel
from mobiledeploy.mil.ops.gathering import checked_indices

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("scattering")

# (data, axis, indices of the updates' shape, updates) to the result; data may be overwritten
Combine = Callable[[torch.Tensor, int, torch.Tensor, torch.Tensor], torch.Tensor]


def _divide(data: torch.Tensor, axis: int, places: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    divisor = torch.ones_like(data).scatter_reduce_(axis, places, updates, "prod")
    return data.div_(divisor) if data.is_floating_point() else torch.div(data, divisor, rounding_mode="trunc")


_MODES: dict[str, Combine] = {
    "update": lambda data, axis, places, updates: data.scatter_(axis, places, updates),
    "add": lambda data, axis, places, updates: data.scatter_add_(axis, places, updates),
    "sub": lambda data, axis, places, updates: data.scatter_add_(axis, places, -updates),
    "mul": lambda data, axis, places, updates: data.scatter_reduce_(axis, places, updates, "prod"),
    "div": _divide,
    "max": lambda data, axis, places, updates: data.scatter_reduce_(axis, places, updates, "amax"),
    "min": lambda data, axis, places, updates: data.scatter_reduce_(axis, places, updates, "amin"),
}


def _mode(call: Call) -> Combine:
    combine: Combine = call.choice("mode", _MODES, "add")
    return combine


@FAMILY.operator("scatter")
def scatter(call: Call) -> Kernel:
    """Slice i of `updates` along the axis goes to slice indices[i] of `data`."""
    axis, combine, opset = call.axis("axis", "data", 0), _mode(call), call.opset

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        places = checked_indices(indices, data.shape[axis], opset)
        return _scatter_slices(data, axis, places, updates, combine)

    return Kernel(("data", "indices", "updates"), run)


def _scatter_slices(
    data: torch.Tensor, axis: int, places: torch.Tensor, updates: torch.Tensor, combine: Combine
) -> torch.Tensor:
    shape = [-1 if position == axis else 1 for position in range(data.dim())]
    return combine(_copy(data), axis, places.reshape(shape).expand(updates.shape), updates)


@FAMILY.operator("scatter_along_axis")
def scatter_along_axis(call: Call) -> Kernel:
    """result[..., indices[..., i, ...], ...] combines with updates[..., i, ...]."""
    axis, combine, opset = call.axis("axis", "data", 0), _mode(call), call.opset

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        return combine(_copy(data), axis, checked_indices(indices, data.shape[axis], opset), updates)

    return Kernel(("data", "indices", "updates"), run)


@FAMILY.operator("scatter_nd")
def scatter_nd(call: Call) -> Kernel:
    """The last axis of `indices` addresses the first axes of `data`."""
    combine, opset = _mode(call), call.opset

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        depth = indices.shape[-1]
        place = torch.zeros(indices.shape[:-1], dtype=torch.int64)
        for axis in range(depth):
            place = place * data.shape[axis] + checked_indices(indices[..., axis], data.shape[axis], opset)
        rows = data.reshape(data.shape[:depth].numel(), -1)
        combined = _scatter_slices(rows, 0, place.reshape(-1), updates.reshape(place.numel(), -1), combine)
        return combined.reshape(data.shape)

    return Kernel(("data", "indices", "updates"), run)


def _copy(data: torch.Tensor) -> torch.Tensor:
    return data.clone(memory_format=torch.contiguous_format)
