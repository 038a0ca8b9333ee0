"""Reductions and scans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten

Pair = tuple[Tensor, Tensor]


@FORMULAS.of(aten.argmax.default)
def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return _of_flattened(torch.argmax, x, dim, keepdim)


@FORMULAS.of(aten.argmin.default)
def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return _of_flattened(torch.argmin, x, dim, keepdim)


def _of_flattened(search: Callable[..., Tensor], x: Tensor, dim: int | None, keepdim: bool) -> Any:
    if dim is not None:
        return NotImplemented
    return search(x.reshape(-1), 0).reshape([1] * x.dim() if keepdim else [])


@FORMULAS.of(aten.median.dim, aten.nanmedian.dim)
def median(x: Tensor, dim: int, keepdim: bool = False) -> Any:
    """torch gives the lower of two middle values."""
    return kthvalue(x, (x.shape[dim] + 1) // 2, dim, keepdim)


@FORMULAS.of(aten.median.default)
def median_of_all(x: Tensor) -> Any:
    return kthvalue(x.reshape(-1), (x.numel() + 1) // 2, 0)[0]


@FORMULAS.of(aten.kthvalue.default)
def kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Pair:
    values, indices = torch.topk(x, k, dim, largest=False, sorted=True)
    values, indices = values.narrow(dim, k - 1, 1), indices.narrow(dim, k - 1, 1)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


@FORMULAS.of(aten.prod.default)
def prod_of_all(x: Tensor) -> Any:
    return prod(x.reshape(-1), 0)


@FORMULAS.of(aten.prod.dim_int)
def prod(x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """Halves multiplied with each other, as often as it takes."""
    rest = x
    while rest.shape[dim] > 1:
        half, odd = divmod(rest.shape[dim], 2)
        product = rest.narrow(dim, 0, half) * rest.narrow(dim, half, half)
        rest = torch.cat((product, rest.narrow(dim, 2 * half, 1)), dim) if odd else product
    return rest if keepdim else rest.squeeze(dim)


@FORMULAS.of(aten.cumprod.default)
def cumprod(x: Tensor, dim: int) -> Tensor:
    """Hillis and Steele's scan (CACM 29(12), 1986): in step k each element takes the one 2^k before it."""
    for distance in _distances(x.shape[dim]):
        x = x * _shifted(x, dim, distance, 1)
    return x


@FORMULAS.of(aten.cummax.default)
def cummax(x: Tensor, dim: int) -> Pair:
    return _running(x, dim, torch.ge, -math.inf)


@FORMULAS.of(aten.cummin.default)
def cummin(x: Tensor, dim: int) -> Pair:
    return _running(x, dim, torch.le, math.inf)


def _running(x: Tensor, dim: int, wins: Callable[[Tensor, Tensor], Tensor], worst: float) -> Pair:
    """The best so far and its place; of equal ones the last, as torch does."""
    sizes = [-1 if axis == dim % x.dim() else 1 for axis in range(x.dim())]
    places = torch.arange(x.shape[dim]).reshape(sizes).expand(x.shape)
    for distance in _distances(x.shape[dim]):
        before, place_before = _shifted(x, dim, distance, worst), _shifted(places, dim, distance, 0)
        kept = wins(x, before)
        x, places = torch.where(kept, x, before), torch.where(kept, places, place_before)
    return x, places


def _distances(size: int) -> list[int]:
    return [2**k for k in range(math.ceil(math.log2(size)))] if size > 1 else []


def _shifted(x: Tensor, dim: int, distance: int, fill: float) -> Tensor:
    """x moved by `distance` along the axis, `fill` coming in."""
    first = torch.full_like(x.narrow(dim, 0, distance), fill)
    return torch.cat((first, x.narrow(dim, 0, x.shape[dim] - distance)), dim)


@FORMULAS.of(aten.bucketize.Tensor)
def bucketize(x: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    below = boundaries <= x.unsqueeze(-1) if right else boundaries < x.unsqueeze(-1)
    return below.sum(-1).to(torch.int32 if out_int32 else torch.int64)


@FORMULAS.of(aten.searchsorted.Tensor)
def searchsorted(
    sequence: Tensor,
    x: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Any:
    """How many elements stand before: the sequence is one, or one per row."""
    if sorter is not None:
        return NotImplemented
    rows = sequence if sequence.dim() == 1 else sequence.unsqueeze(-2)
    return bucketize(x, rows, out_int32=out_int32, right=right or side == "right")
