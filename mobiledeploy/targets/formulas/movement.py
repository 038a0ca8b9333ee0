"""What moves elements without computing anything."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten


@FORMULAS.of(aten.roll.default)
def roll(x: Tensor, shifts: list[int], dims: tuple[int, ...] | list[int] = ()) -> Any:
    """cat(end, beginning) along each axis; without axes the elements travel in their row-major order."""
    if not dims:
        return roll(x.reshape(-1), shifts, [0]).reshape(x.shape)
    for shift, axis in zip(shifts, dims, strict=True):
        size = x.shape[axis]
        cut = (size - shift) % max(size, 1)
        if cut:
            x = torch.cat((x.narrow(axis, cut, size - cut), x.narrow(axis, 0, cut)), axis)
    return x


@FORMULAS.of(aten.tensor_split.sections)
def tensor_split(x: Tensor, sections: int, dim: int = 0) -> Any:
    """The first parts get what does not divide."""
    size, more = divmod(x.shape[dim], sections)
    cuts = [part * size + min(part, more) for part in range(1, sections)]
    return tensor_split_at(x, cuts, dim)


@FORMULAS.of(aten.tensor_split.indices)
def tensor_split_at(x: Tensor, indices: list[int], dim: int = 0) -> Any:
    bounds = zip([0, *indices], [*indices, x.shape[dim]], strict=True)
    return [aten.slice.Tensor(x, dim, start, max(start, end)) for start, end in bounds]


@FORMULAS.of(aten.vsplit.int)
def vsplit(x: Tensor, sections: int) -> Any:
    return tensor_split(x, sections, 0)


@FORMULAS.of(aten.hsplit.int)
def hsplit(x: Tensor, sections: int) -> Any:
    return tensor_split(x, sections, 0 if x.dim() == 1 else 1)


@FORMULAS.of(aten.dsplit.int)
def dsplit(x: Tensor, sections: int) -> Any:
    return tensor_split(x, sections, 2)


@FORMULAS.of(aten.diagonal.default)
def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Of rows laid end to end, every (columns + 1)-th element."""
    rows, columns = x.shape[dim1], x.shape[dim2]
    first, last = dim1 % x.dim(), dim2 % x.dim()
    rest = [axis for axis in range(x.dim()) if axis not in (first, last)]
    sizes = [x.shape[axis] for axis in rest]
    length = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    start = offset if offset >= 0 else -offset * columns
    flat = x.permute([*rest, first, last]).reshape([*sizes, rows * columns])
    stop = start + max(length - 1, 0) * (columns + 1) + 1
    return flat[..., start : stop if length > 0 else start : columns + 1]


@FORMULAS.of(aten.diag.default)
def diag(x: Tensor, diagonal: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix of a diagonal."""
    if x.dim() == 2:
        return aten.diagonal.default(x, diagonal)
    return diag_embed(x, diagonal)


@FORMULAS.of(aten.diag_embed.default)
def diag_embed(x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The elements spread over rows, times 0 or 1."""
    size = x.shape[-1] + abs(offset)
    before, behind = max(-offset, 0), max(offset, 0)
    rows = torch.nn.functional.pad(x, (before, behind))
    placed = torch.where(_band(size, offset), rows.unsqueeze(-1), 0)
    return placed.movedim((-2, -1), (dim1, dim2))


@FORMULAS.of(aten.diagonal_scatter.default)
def diagonal_scatter(x: Tensor, source: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    rows, columns = x.shape[dim1], x.shape[dim2]
    length = source.shape[-1]
    before, behind = max(-offset, 0), rows - length - max(-offset, 0)
    column = torch.nn.functional.pad(source, (before, behind)).unsqueeze(-1)
    mask = torch.tensor([[c - r == offset for c in range(columns)] for r in range(rows)])
    return torch.where(mask, column, x.movedim((dim1, dim2), (-2, -1))).movedim((-2, -1), (dim1, dim2))


def _band(size: int, offset: int) -> Tensor:
    return torch.tensor([[column - row == offset for column in range(size)] for row in range(size)])
