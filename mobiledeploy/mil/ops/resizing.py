"""Resizing of the last axes, usually height and width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.sampling import GRIDS, interpolate, nearest, preceding
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("resizing")

Sampler = Callable[[torch.Tensor, int, torch.Tensor], torch.Tensor]
Grid = Callable[[int, int], torch.Tensor]


def _resample(x: torch.Tensor, sizes: Sequence[int], sample: Sampler, grid: Grid) -> torch.Tensor:
    """x with its last axes at `sizes`, one axis after the other."""
    if not sizes:
        return x.clone()
    first = x.dim() - len(sizes)
    checked_shape([*x.shape[:first], *sizes])
    for axis, size in enumerate(sizes, first):
        checked_shape([*x.shape[:axis], size, *x.shape[axis + 1 :]])
        x = sample(x, axis, grid(x.shape[axis], size))
    return x


def _resize(call: Call, sizes: Callable[[torch.Size], Sequence[int]], sample: Sampler, grid: Grid) -> Kernel:
    if call.rank("x") < 3:
        raise call.invalid(f"x has rank {call.rank('x')}, it needs 3")
    return Kernel(("x",), lambda x: _resample(x, sizes(x.shape), sample, grid))


def _scaled(call: Call) -> Callable[[torch.Size], Sequence[int]]:
    factors = (call.number("scale_factor_height", 1), call.number("scale_factor_width", 1))
    # a factor such as 5/3 is stored rounded: what is meant is the whole number it just misses
    return lambda shape: [floor(size * factor + 1e-5) for size, factor in zip(shape[-2:], factors, strict=True)]


def _target(call: Call, default: int | None = None) -> Callable[[torch.Size], Sequence[int]]:
    sizes = (call.integer("target_size_height", default), call.integer("target_size_width", default))
    return lambda _: sizes


@FAMILY.operator("upsample_nearest_neighbor", effect=Effect.SELECTION)
def upsample_nearest_neighbor(call: Call) -> Kernel:
    return _resize(call, _scaled(call), preceding, GRIDS["DEFAULT"])


@FAMILY.operator("resize_nearest_neighbor", effect=Effect.SELECTION)
def resize_nearest_neighbor(call: Call) -> Kernel:
    return _resize(call, _target(call), preceding, GRIDS["DEFAULT"])


@FAMILY.operator("upsample_bilinear")
def upsample_bilinear(call: Call) -> Kernel:
    """The spacing follows from the sizes, not from the factors. From iOS 16 `half_pixel_centers` may differ from
    `not align_corners`; without both, the first sample is the first element."""
    align = call.flag("align_corners", True)
    half = call.flag("half_pixel_centers", not align)
    if align and half:
        raise call.invalid("align_corners and half_pixel_centers exclude each other")
    mode = "STRICT_ALIGN_CORNERS" if align else "UNALIGN_CORNERS" if half else "DEFAULT"
    return _resize(call, _scaled(call), interpolate, GRIDS[mode])


@FAMILY.operator("resize_bilinear")
def resize_bilinear(call: Call) -> Kernel:
    return _resize(call, _target(call, 1), interpolate, call.choice("sampling_mode", GRIDS, "DEFAULT"))


@FAMILY.operator("resize", since=Opset.IOS17)
def resize(call: Call) -> Kernel:
    """The last `resized_dims` axes to the last entries of `shape`; 0 there keeps the size."""
    count = call.integer("resized_dims")
    sample = call.choice("interpolation_mode", {"LINEAR": interpolate, "NEAREST_NEIGHBOR": nearest}, "LINEAR")
    grid = call.choice("sampling_mode", GRIDS, "DEFAULT")

    def run(x: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        if not 0 <= count <= min(len(shape), x.dim()):
            raise ValueError(f"{count} axes to resize, but {len(shape)} sizes for rank {x.dim()}")
        sizes = [
            wanted or size for wanted, size in zip(shape[len(shape) - count :], x.shape[x.dim() - count :], strict=True)
        ]
        if x.is_floating_point():
            return _resample(x, sizes, sample, grid)
        return _resample(x.double(), sizes, sample, grid).trunc_().to(x.dtype)

    if call.is_constant("shape"):
        shape = call.integers("shape")
        return Kernel(("x",), lambda x: run(x, shape))
    return Kernel(("x", "shape"), lambda x, shape: run(x, shape.tolist()))
