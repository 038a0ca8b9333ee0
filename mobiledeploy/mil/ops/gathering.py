"""Reading elements by index. Until iOS 16 negative indices count from the end; from iOS 17 they are out of bounds."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import check_places, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY", "checked_indices"]

FAMILY = Family("gathering")


def checked_indices(indices: torch.Tensor, size: int, opset: Opset) -> torch.Tensor:
    """The indices as int64 from 0. Raises IndexError where one is out of bounds."""
    places = indices.long()
    if opset < Opset.IOS17:
        places = torch.where(places < 0, places + size, places)
    else:
        # lowered to ONNX, negative ones would count from the end
        places = torch.where(places < 0, size, places)
    # looking each up in the list of all places makes torch check it, without a branch on data
    return torch.arange(size).index_select(0, places.reshape(-1)).reshape(places.shape)


@FAMILY.operator("gather", effect=Effect.SELECTION)
def gather(call: Call) -> Kernel:
    """x along `axis` at `indices` (any rank), whose axes take the place of that axis; the first `batch_dims` axes of x
    and of the indices belong together."""
    axis, batch = call.axis("axis", "x", 0), call.integer("batch_dims", 0)
    opset = call.opset
    if not 0 <= batch <= axis:
        raise call.invalid(f"batch_dims is {batch} for axis {axis}")

    def run(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        places = checked_indices(indices, x.shape[axis], opset)
        if not batch:
            return _pick(x, places, axis)
        check_places(prod(x.shape[:batch]))
        rows = zip(x.flatten(0, batch - 1), places.flatten(0, batch - 1), strict=True)
        picked = torch.stack([_pick(row, place, axis - batch) for row, place in rows])
        return picked.reshape(x.shape[:batch] + picked.shape[1:])

    return Kernel(("x", "indices"), run)


def _pick(x: torch.Tensor, places: torch.Tensor, axis: int) -> torch.Tensor:
    shape = checked_shape(x.shape[:axis] + places.shape + x.shape[axis + 1 :])
    return x.index_select(axis, places.reshape(-1)).reshape(shape)


@FAMILY.operator("gather_along_axis", effect=Effect.SELECTION)
def gather_along_axis(call: Call) -> Kernel:
    """result[..., i, ...] = x[..., indices[..., i, ...], ...]."""
    axis, opset = call.axis("axis", "x", 0), call.opset
    return Kernel(
        ("x", "indices"),
        lambda x, indices: torch.gather(x, axis, checked_indices(indices, x.shape[axis], opset)),
    )


@FAMILY.operator("gather_nd", effect=Effect.SELECTION)
def gather_nd(call: Call) -> Kernel:
    """The last axis of `indices` addresses the axes of x from `batch_dims` on."""
    batch, opset = call.integer("batch_dims", 0), call.opset

    def run(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        parts = [checked_indices(part, x.shape[batch + axis], opset) for axis, part in enumerate(indices.unbind(-1))]
        # one index per batch axis, broadcast against those of the indices
        grid = [
            torch.arange(size).reshape(-1, *(1,) * (indices.dim() - 2 - axis))
            for axis, size in enumerate(x.shape[:batch])
        ]
        checked_shape((*indices.shape[:-1], *x.shape[batch + len(parts) :]))
        return x[(*grid, *parts)].clone()

    return Kernel(("x", "indices"), run)
