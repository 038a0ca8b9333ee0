"""Writing by index, as writing rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten

Indices = Sequence[Tensor | None]


@FORMULAS.of(aten.index_put.default)
def index_put(x: Tensor, indices: Indices, values: Tensor, accumulate: bool = False) -> Any:
    """x[:, i, :, j] = v  ──▶  the indexed axes first and as one, whose rows are written, and back.

    A mask with a value that is the same everywhere chooses: where(mask, value, x).
    """
    if any(index is not None and index.dtype is torch.bool for index in indices):
        return _masked(x, indices, values, accumulate)
    return _rows_written(x, indices, values, accumulate)


def _masked(x: Tensor, indices: Indices, values: Tensor, accumulate: bool) -> Any:
    masks = [index for index in indices if index is not None]
    if len(masks) > 1 or values.numel() != 1:
        return NotImplemented
    leading = next(axis for axis, index in enumerate(indices) if index is not None)
    (mask,) = masks
    trailing = x.dim() - leading - mask.dim()
    spread = mask.reshape([*mask.shape, *[1] * trailing])
    value = values.reshape([])
    return torch.where(spread, x + value if accumulate else value, x)


def _rows_written(x: Tensor, indices: Indices, values: Tensor, accumulate: bool) -> Any:
    indexed = [axis for axis, index in enumerate(indices) if index is not None]
    rest = [axis for axis in range(x.dim()) if axis not in indexed]
    places: Sequence[Tensor] = aten.broadcast_tensors.default([index for index in indices if index is not None])
    if _is_plain(x, indexed, places, values):
        return NotImplemented
    table = x.permute([*indexed, *rest])
    kept = list(table.shape[len(indexed) :])
    rows = table.reshape([-1, *kept])
    number = _row_number(places, [x.shape[axis] for axis in indexed]).reshape(-1)
    updates = _updates(values, places[0].dim(), indexed, kept, list(places[0].shape)).reshape([-1, *kept])
    written = aten.index_put.default(rows, [number], updates, accumulate)
    order = [*indexed, *rest]
    return written.reshape(table.shape).permute([order.index(axis) for axis in range(x.dim())])


def _is_plain(x: Tensor, indexed: list[int], places: Sequence[Tensor], values: Tensor) -> bool:
    """Rows by one list of numbers: what this formula leads to."""
    return indexed == [0] and places[0].dim() == 1 and list(values.shape) == [places[0].shape[0], *x.shape[1:]]


def _row_number(places: Sequence[Tensor], sizes: list[int]) -> Tensor:
    number: Any = 0
    for place, size in zip(places, sizes, strict=True):
        number = number * size + torch.where(place < 0, place + size, place)
    return number  # type: ignore[no-any-return]


def _updates(values: Tensor, depth: int, indexed: list[int], kept: list[int], sizes: list[int]) -> Tensor:
    """The values with the indices' axes first. NumPy's rule: they stand where the indices stand side by side, else
    in front."""
    side_by_side = indexed == list(range(indexed[0], indexed[0] + len(indexed)))
    front = indexed[0] if side_by_side else 0
    spread = values.expand([*kept[:front], *sizes, *kept[front:]])
    moved = [*range(front, front + depth), *range(front), *range(front + depth, spread.dim())]
    return spread.permute(moved)


@FORMULAS.of(aten.index_add.default)
def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    places = [None] * (dim % x.dim()) + [index]
    return aten.index_put.default(x, places, source * alpha if alpha != 1 else source, True)  # type: ignore[no-any-return]


@FORMULAS.of(aten.index_copy.default)
def index_copy(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    return aten.index_put.default(x, [None] * (dim % x.dim()) + [index], source)  # type: ignore[no-any-return]


@FORMULAS.of(aten.index_fill.int_Scalar)
def index_fill(x: Tensor, dim: int, index: Tensor, value: float) -> Tensor:
    """Whatever stands there is overwritten with one number: an axis of its own chooses."""
    axis = dim % x.dim()
    hit = (torch.arange(x.shape[axis]).unsqueeze(-1) == index).any(-1)
    return torch.where(hit.reshape([-1] + [1] * (x.dim() - axis - 1)), value, x)
