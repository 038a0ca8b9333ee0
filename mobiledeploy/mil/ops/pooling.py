"""Pooling over one to three spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Effect, Family, Kernel
from mobiledeploy.mil.size import check_work, checked_shape
from mobiledeploy.mil.window import Pads, Window, padding_list, read_window

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("pooling")

Pool = Callable[..., torch.Tensor]

_AVERAGES: dict[int, Pool] = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
_MAXIMA: dict[int, Pool] = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


@FAMILY.operator("max_pool", effect=Effect.SELECTION)
def max_pool(call: Call) -> Kernel:
    window, ceil = _read(call)
    pool = _MAXIMA[len(window.kernel)]
    native = _native_padding(call, window)
    if native is not None:
        padding = native
        return Kernel(("x",), lambda x: pool(x, window.kernel, window.strides, padding, ceil_mode=ceil))

    def run(x: torch.Tensor) -> torch.Tensor:
        pads, extra = _pads(window, x, ceil)
        padded = functional.pad(x, padding_list(_widen(pads, extra)), value=-torch.inf)
        return pool(padded, window.kernel, window.strides)

    return Kernel(("x",), run)


@FAMILY.operator("avg_pool")
def avg_pool(call: Call) -> Kernel:
    """Zeros around the input count as elements unless they are excluded; what lies behind them (`ceil_mode`) never
    does."""
    window, ceil = _read(call)
    exclude = call.flag("exclude_padding_from_average", False)
    pool = _AVERAGES[len(window.kernel)]
    native = _native_padding(call, window)
    if native is not None:
        padding = native
        return Kernel(("x",), lambda x: pool(x, window.kernel, window.strides, padding, ceil, not exclude))

    def run(x: torch.Tensor) -> torch.Tensor:
        pads, extra = _pads(window, x, ceil)
        total = pool(functional.pad(x, padding_list(_widen(pads, extra))), window.kernel, window.strides)
        ones = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
        counted = functional.pad(ones, padding_list(pads), value=0.0 if exclude else 1.0)
        counted = functional.pad(counted, padding_list(tuple((0, amount) for amount in extra)))
        return total.div_(pool(counted, window.kernel, window.strides))

    return Kernel(("x",), run)


@FAMILY.operator("l2_pool")
def l2_pool(call: Call) -> Kernel:
    """The square root of the sum of squares."""
    window, ceil = _read(call)
    pool = _AVERAGES[len(window.kernel)]

    def run(x: torch.Tensor) -> torch.Tensor:
        padded = functional.pad(x.square(), padding_list(_widen(*_pads(window, x, ceil))))
        return pool(padded, window.kernel, window.strides).mul_(prod(window.kernel)).sqrt_()

    return Kernel(("x",), run)


def _read(call: Call) -> tuple[Window, bool]:
    kernel = call.integers("kernel_sizes")
    if len(kernel) not in _AVERAGES or call.rank("x") != len(kernel) + 2:
        raise call.invalid(f"x has rank {call.rank('x')}, the kernel has {len(kernel)} spatial axes")
    window, ceil = read_window(call, kernel), call.flag("ceil_mode", False)
    shape = call.static_shape("x")
    if shape is not None:
        sizes = window.output_sizes(shape, ceil=ceil)
        call.expect((*shape[:2], *sizes))
        check_work(*shape[:2], *sizes, *window.kernel)
    return window, ceil


def _native_padding(call: Call, window: Window) -> tuple[int, ...] | None:
    """The padding, where torch's pooling can do it: equal on both sides and at most half the kernel."""
    shape = call.static_shape("x")
    padding = window.symmetric_padding(shape)
    if (
        shape is None
        or padding is None
        or any(2 * amount > size for amount, size in zip(padding, window.kernel, strict=True))
    ):
        return None
    return padding


def _pads(window: Window, x: torch.Tensor, ceil: bool) -> tuple[Pads, tuple[int, ...]]:
    """The padding, and what a last, incomplete window needs behind it."""
    pads, counts = window.padding(x.shape), window.output_sizes(x.shape, ceil=ceil)
    wide = [size + before + after for size, (before, after) in zip(x.shape[2:], pads, strict=True)]
    checked_shape((*x.shape[:2], *wide))
    check_work(*x.shape[:2], *counts, *window.kernel)
    axes = zip(counts, window.strides, window.kernel, wide, strict=True)
    return pads, tuple(max(0, (count - 1) * stride + kernel - room) for count, stride, kernel, room in axes)


def _widen(pads: Pads, extra: tuple[int, ...]) -> Pads:
    return tuple((before, after + more) for (before, after), more in zip(pads, extra, strict=True))
