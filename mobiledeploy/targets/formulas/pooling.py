"""Pooling that a converter does not do as torch does. The arguments are written out, as aten/pooling.py leaves them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from mobiledeploy.aten.windows import Windows, adaptive
from mobiledeploy.targets.formulas.formula import Formulas

__all__ = ["FORMULAS"]

FORMULAS = Formulas()
aten = torch.ops.aten

Sizes = Sequence[int]
Pair = tuple[Tensor, Tensor | None]

_MEANS: dict[int, Any] = {1: aten.avg_pool1d.default, 2: aten.avg_pool2d.default, 3: aten.avg_pool3d.default}


@FORMULAS.of(aten.avg_pool1d.default, aten.avg_pool2d.default, aten.avg_pool3d.default)
def average(x: Tensor, *arguments: Any) -> Any:
    kernel, stride, padding, ceil_mode, count_include_pad, *divisor = arguments
    return _average(x, _windows(x, (kernel, stride, padding), ceil_mode), count_include_pad, *divisor)


def _average(x: Tensor, axes: list[Windows], count_include_pad: bool, divisor: int | None = None) -> Any:
    """avg_pool(x, …)  ──▶  avg_pool(pad(x), kernel, stride) * (kernel's area / what torch divides by)

    What a window is divided by is known beforehand: the number of its elements, of the picture or of the padded
    picture, or the given divisor (aten/src/ATen/native/cpu/AvgPoolKernel.cpp).
    """
    rank = len(axes)
    if x.dim() == rank + 1:
        return _average(x.unsqueeze(0), axes, count_include_pad, divisor).squeeze(0)
    pads = _pads(axes)
    padded = nn.functional.pad(x, pads) if any(pads) else x
    mean = _MEANS[rank](padded, [axis.kernel for axis in axes], [axis.stride for axis in axes])
    area = math.prod(axis.kernel for axis in axes)
    if divisor is not None:
        return mean if divisor == area else mean * (area / divisor)
    for position, axis in enumerate(axes):
        shares = [axis.kernel / elements for elements in axis.elements(count_include_pad)]
        if set(shares) != {1.0}:
            mean = mean * torch.tensor(shares).reshape([-1] + [1] * (rank - position - 1))
    return mean


@FORMULAS.of(aten.max_pool1d.default, aten.max_pool2d.default, aten.max_pool3d.default)
def maximum(x: Tensor, *arguments: Any) -> Tensor:
    *geometry, ceil_mode = arguments
    return _maximum(x, _windows(x, tuple(geometry), ceil_mode))[0]


@FORMULAS.of(aten.max_pool2d_with_indices.default)
def max_pool2d_with_indices(x: Tensor, *arguments: Any) -> Pair:
    *geometry, ceil_mode = arguments
    axes = _windows(x, tuple(geometry), ceil_mode)
    return _maximum(x, axes)[0], _places(x, axes)


def _maximum(x: Tensor, axes: list[Windows]) -> tuple[Tensor, list[Tensor]]:
    """max(window) as the largest of its elements: one strided slice of the padded picture for each place in the window;
    the slices too."""
    pads = _pads(axes)
    padded = nn.functional.pad(x, pads, value=-math.inf) if any(pads) else x
    slices = []
    for offsets in product(*(range(axis.kernel) for axis in axes)):
        window = padded
        for position, (offset, axis) in enumerate(zip(offsets, axes, strict=True)):
            start = offset * axis.dilation
            stop = start + (axis.count - 1) * axis.stride + 1
            window = aten.slice.Tensor(window, position - len(axes), start, stop, axis.stride)
        slices.append(window)
    largest = slices[0]
    for window in slices[1:]:
        largest = torch.maximum(largest, window)
    return largest, slices


def _places(x: Tensor, axes: list[Windows]) -> Tensor:
    """Where each window's largest element stands in the picture, row by row: torch's return_indices. Of equal elements
    the first."""
    rows, columns = axes
    _, slices = _maximum(x, axes)
    top = torch.arange(rows.count).unsqueeze(-1) * rows.stride - rows.padding
    left = torch.arange(columns.count) * columns.stride - columns.padding
    corner = top * columns.size + left
    largest, place = slices[0], corner.expand(slices[0].shape)
    offsets = product(range(rows.kernel), range(columns.kernel))
    for window, (row, column) in list(zip(slices, offsets, strict=True))[1:]:
        here = corner + (row * rows.dilation * columns.size + column * columns.dilation)
        place = torch.where(window > largest, here, place)
        largest = torch.maximum(largest, window)
    return place


@FORMULAS.of(aten._adaptive_avg_pool3d.default, aten.adaptive_avg_pool3d.default)
def adaptive_avg_pool3d(x: Tensor, sizes: Sizes) -> Tensor:
    """One product with a constant matrix along each axis."""
    for axis, count in zip((-3, -2, -1), sizes, strict=True):
        size = x.shape[axis]
        shares = [[(s <= i < e) / (e - s) for i in range(size)] for s, e in adaptive(size, count)]
        x = torch.matmul(x.transpose(axis, -1), torch.tensor(shares).T).transpose(axis, -1)
    return x


@FORMULAS.of(aten.adaptive_max_pool1d.default)
def adaptive_max_pool1d(x: Tensor, sizes: Sizes) -> Pair:
    return _adaptive_maximum(x, sizes), None


@FORMULAS.of(aten.adaptive_max_pool2d.default)
def adaptive_max_pool2d(x: Tensor, sizes: Sizes) -> Pair:
    return _adaptive_maximum(x, sizes), None


@FORMULAS.of(aten.adaptive_max_pool3d.default)
def adaptive_max_pool3d(x: Tensor, sizes: Sizes) -> Pair:
    return _adaptive_maximum(x, sizes), None


def _adaptive_maximum(x: Tensor, sizes: Sizes) -> Tensor:
    """One axis after another, each window's largest."""
    for axis, count in zip(range(-len(sizes), 0), sizes, strict=True):
        windows = adaptive(x.shape[axis], count)
        x = torch.cat([x.narrow(axis, start, end - start).amax(axis, keepdim=True) for start, end in windows], axis)
    return x


def _windows(x: Tensor, geometry: tuple[Sizes, ...], ceil_mode: bool = False) -> list[Windows]:
    """`geometry`: kernel, stride, padding, and dilation where there is one, each with one entry for an axis."""
    axes: Any = zip(x.shape[-len(geometry[0]) :], *geometry, strict=True)
    return [Windows(*axis).rounded_up(ceil_mode) for axis in axes]


def _pads(axes: list[Windows]) -> list[int]:
    return [amount for axis in reversed(axes) for amount in (axis.padding, axis.padding + axis.overhang)]
