"""Writing elements by index; each mode combines what was there with the updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Family, Kernel, Opset
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


def _writer(call: Call) -> Callable[[torch.Tensor, int, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Combines updates into a copy of the data.

    From iOS 17 an update outside the data is dropped unless `validate_indices` asks for an error; it always is one
    before, where negative indices count from the end.
    """
    combine: Combine = call.choice("mode", _MODES, "add")
    opset = call.opset
    if opset < Opset.IOS17 or call.flag("validate_indices", False):

        def write(data: torch.Tensor, axis: int, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
            copy = data.clone(memory_format=torch.contiguous_format)
            return combine(copy, axis, checked_indices(indices, data.shape[axis], opset), updates)

        return write

    def write_valid(data: torch.Tensor, axis: int, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        size = data.shape[axis]
        # what is dropped goes to one more slice, which is cut off again
        spare = torch.cat((data, torch.zeros_like(data.narrow(axis, 0, 1))), axis)
        places = torch.where((indices >= 0) & (indices < size), indices, size).long()
        return combine(spare, axis, places, updates).narrow(axis, 0, size).contiguous()

    return write_valid


@FAMILY.operator("scatter")
def scatter(call: Call) -> Kernel:
    """Slice i of `updates` along the axis goes to slice indices[i] of `data`."""
    axis, write = call.axis("axis", "data", 0), _writer(call)

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        shape = [-1 if position == axis else 1 for position in range(data.dim())]
        return write(data, axis, indices.reshape(shape).expand(updates.shape), updates)

    return Kernel(("data", "indices", "updates"), run)


@FAMILY.operator("scatter_along_axis")
def scatter_along_axis(call: Call) -> Kernel:
    """result[..., indices[..., i, ...], ...] combines with updates[..., i, ...]."""
    axis, write = call.axis("axis", "data", 0), _writer(call)
    return Kernel(("data", "indices", "updates"), lambda data, indices, updates: write(data, axis, indices, updates))


@FAMILY.operator("scatter_nd")
def scatter_nd(call: Call) -> Kernel:
    """The last axis of `indices` addresses the first axes of `data`."""
    write, wraps = _writer(call), call.opset < Opset.IOS17

    def run(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        sizes = data.shape[: indices.shape[-1]]
        rows = data.reshape(sizes.numel(), data.shape[indices.shape[-1] :].numel())
        place = _row_numbers(indices.long(), sizes, wraps).reshape(-1, 1)
        flat = updates.reshape(place.shape[0], rows.shape[1])
        return write(rows, 0, place.expand(flat.shape), flat).reshape(data.shape)

    return Kernel(("data", "indices", "updates"), run)


def _row_numbers(indices: torch.Tensor, sizes: torch.Size, wraps: bool) -> torch.Tensor:
    """The coordinates along the last axis as row-major numbers; the number of all rows where one is out of bounds."""
    place = torch.zeros(indices.shape[:-1], dtype=torch.int64)
    valid = torch.ones(indices.shape[:-1], dtype=torch.bool)
    for axis, size in enumerate(sizes):
        part = indices[..., axis]
        if wraps:
            part = torch.where(part < 0, part + size, part)
        valid &= (part >= 0) & (part < size)
        place = place * size + part
    return torch.where(valid, place, sizes.numel())
