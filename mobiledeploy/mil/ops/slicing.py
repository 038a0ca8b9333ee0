"""Operators that take parts of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("slicing")

Slices = list[slice | int]


@dataclass(frozen=True)
class _Masks:
    """The constant part of a slice: per axis its step, and whether begin or end are ignored or the axis is dropped."""

    strides: tuple[int, ...]
    begin: tuple[bool, ...]
    end: tuple[bool, ...]
    squeeze: tuple[bool, ...]

    def slices(self, begins: Sequence[int], ends: Sequence[int]) -> list[slice | int]:
        """One entry per axis, as Python indexes."""
        return [
            begin if squeeze else slice(None if no_begin else begin, None if no_end else end, stride)
            for begin, end, stride, no_begin, no_end, squeeze in zip(
                begins, ends, self.strides, self.begin, self.end, self.squeeze, strict=True
            )
        ]


def _read_masks(call: Call) -> _Masks:
    rank = call.rank("x")
    no = (False,) * rank
    masks = _Masks(
        call.integers("stride", (1,) * rank),
        call.flags("begin_mask", no),
        call.flags("end_mask", no),
        call.flags("squeeze_mask", no),
    )
    if any(len(part) != rank for part in (masks.strides, masks.begin, masks.end, masks.squeeze)) or 0 in masks.strides:
        raise call.invalid(f"strides and masks need one entry per axis of x (rank {rank}), strides none of zero")
    return masks


def _bounds(
    call: Call, slicer: Callable[[Sequence[int], Sequence[int]], list[slice | int]]
) -> Callable[..., list[slice | int]]:
    """The slices for the values of `begin` and `end` that come with the run, or those known now."""
    if call.is_constant("begin") and call.is_constant("end"):
        fixed = slicer(call.integers("begin"), call.integers("end"))
        return lambda *_: fixed
    return lambda begin, end: slicer(begin.tolist(), end.tolist())


def _dynamic(call: Call) -> tuple[str, ...]:
    return () if call.is_constant("begin") and call.is_constant("end") else ("begin", "end")


@FAMILY.operator("slice_by_index", effect=Effect.MOVEMENT)
def slice_by_index(call: Call) -> Kernel:
    """x[begin:end:stride] on every axis as in Python, negative strides included; masked begins and ends are open, and
    squeezed axes are indexed by their begin."""
    bounds = _bounds(call, _read_masks(call).slices)
    return Kernel(("x", *_dynamic(call)), lambda x, *ends: take(x, bounds(*ends)))


def take(x: torch.Tensor, slices: Sequence[slice | int]) -> torch.Tensor:
    """`x[slices]`, negative steps allowed."""
    backwards = [axis for axis, part in enumerate(slices) if isinstance(part, slice) and (part.step or 1) < 0]
    if not backwards:
        return x[tuple(slices)]
    forwards = [_reversed(part, x.shape[axis]) if axis in backwards else part for axis, part in enumerate(slices)]
    dropped = [sum(isinstance(part, int) for part in slices[:axis]) for axis in backwards]
    return x[tuple(forwards)].flip([axis - drop for axis, drop in zip(backwards, dropped, strict=True)])


def _reversed(part: slice | int, size: int) -> slice:
    """The same elements in ascending order."""
    assert isinstance(part, slice)
    places = range(size)[part]
    return slice(places[-1], places[0] + 1, -places.step) if len(places) else slice(0, 0)


@FAMILY.operator("slice_update", effect=Effect.SELECTION, since=Opset.IOS18)
def slice_update(call: Call) -> Kernel:
    """x with `update` in the place that `slice_by_index` with these arguments would read."""
    bounds = _bounds(call, _read_masks(call).slices)

    def run(x: torch.Tensor, update: torch.Tensor, *ends: torch.Tensor) -> torch.Tensor:
        slices = bounds(*ends)
        result = x.clone(memory_format=torch.contiguous_format)
        backwards = [axis for axis, part in enumerate(slices) if isinstance(part, slice) and (part.step or 1) < 0]
        dropped = [sum(isinstance(part, int) for part in slices[:axis]) for axis in backwards]
        forwards = [_reversed(part, x.shape[axis]) if axis in backwards else part for axis, part in enumerate(slices)]
        result[tuple(forwards)] = update.flip([axis - drop for axis, drop in zip(backwards, dropped, strict=True)])
        return result

    return Kernel(("x", "update", *_dynamic(call)), run)


@FAMILY.operator("slice_by_size", effect=Effect.MOVEMENT)
def slice_by_size(call: Call) -> Kernel:
    """`size` elements from `begin` on every axis; a size of -1 takes all that follow."""

    def parts(begins: Sequence[int], sizes: Sequence[int]) -> list[slice | int]:
        return [
            slice(begin, None if size == -1 or (begin < 0 and begin + size == 0) else begin + size)
            for begin, size in zip(begins, sizes, strict=True)
        ]

    if call.is_constant("begin") and call.is_constant("size"):
        fixed = tuple(parts(call.integers("begin"), call.integers("size")))
        return Kernel(("x",), lambda x: x[fixed])
    return Kernel(("x", "begin", "size"), lambda x, begin, size: x[tuple(parts(begin.tolist(), size.tolist()))])


@FAMILY.operator("split", effect=Effect.MOVEMENT)
def split(call: Call) -> Kernel:
    """Into `split_sizes` along the axis, or into `num_splits` equal parts."""
    axis = call.axis("axis", "x")
    single = len(call.operation.outputs) == 1
    if call.has("split_sizes"):
        sizes = list(call.integers("split_sizes"))
        return Kernel(("x",), lambda x: _one_or_all(torch.split_with_sizes(x, sizes, axis), single))
    count = call.integer("num_splits")

    def run(x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        if count < 1 or x.shape[axis] % count:
            raise ValueError(f"axis {axis} of size {x.shape[axis]} does not split into {count} equal parts")
        return _one_or_all(torch.split_with_sizes(x, [x.shape[axis] // count] * count, axis), single)

    return Kernel(("x",), run)


def _one_or_all(parts: Sequence[torch.Tensor], single: bool) -> torch.Tensor | tuple[torch.Tensor, ...]:
    return parts[0] if single else tuple(parts)


@FAMILY.operator("sliding_windows", effect=Effect.SELECTION)
def sliding_windows(call: Call) -> Kernel:
    """All windows of `size`, `stride` apart, along the axis; a window's elements lie along a new axis behind it."""
    axis, size, stride = call.axis("axis", "x"), call.integer("size"), call.integer("stride", 1)

    def run(x: torch.Tensor) -> torch.Tensor:
        windows = x.unfold(axis, size, stride).movedim(-1, axis + 1)
        checked_shape(windows.shape)
        # windows overlap: each gets memory of its own
        return windows.clone()

    return Kernel(("x",), run)


@FAMILY.operator("crop", effect=Effect.MOVEMENT)
def crop(call: Call) -> Kernel:
    """x (N, C, H, W) without the first and last `crop_height` rows and `crop_width` columns."""
    top, bottom = call.integers("crop_height")
    left, right = call.integers("crop_width")
    return Kernel(("x",), lambda x: x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right])
