"""Operators that change the shape, not the values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("shaping")


@FAMILY.operator("identity", effect=Effect.MOVEMENT)
def identity(_: Call) -> Kernel:
    return Kernel(("x",), lambda x: x)


@FAMILY.operator("reshape", effect=Effect.MOVEMENT)
def reshape(call: Call) -> Kernel:
    """0 keeps the size of the axis at the same place of x, -1 takes what is left."""
    return _reshape(call, right_aligned=False)


@FAMILY.operator("reshape", effect=Effect.MOVEMENT, since=Opset.IOS17)
def reshape_right_aligned(call: Call) -> Kernel:
    """0 keeps the size of the axis of x counted from the right, or is 1 where x has none; -1 takes what is left."""
    return _reshape(call, right_aligned=True)


def _reshape(call: Call, *, right_aligned: bool) -> Kernel:
    if call.is_constant("shape"):
        shape = call.integers("shape")
        if 0 not in shape:
            return Kernel(("x",), lambda x: x.reshape(shape))
        return Kernel(("x",), lambda x: x.reshape(_without_zeros(shape, x.shape, right_aligned)))
    return Kernel(("x", "shape"), lambda x, shape: x.reshape(_without_zeros(shape.tolist(), x.shape, right_aligned)))


def _without_zeros(shape: Sequence[int], source: Sequence[int], right_aligned: bool) -> list[int]:
    if 0 in source and -1 not in shape and prod(shape) == 0:
        # an empty tensor: its zeros are sizes
        return list(shape)
    if not right_aligned:
        return [source[axis] if size == 0 else size for axis, size in enumerate(shape)]
    shift = len(source) - len(shape)
    return [size if size else (source[axis + shift] if axis + shift >= 0 else 1) for axis, size in enumerate(shape)]


@FAMILY.operator("reshape_like", effect=Effect.MOVEMENT, since=Opset.IOS16)
def reshape_like(call: Call) -> Kernel:
    """To the sizes `begins[i]:ends[i]` of each reference's shape, joined; an end masked out is the last."""
    begins, ends, masks = (_integers_of_each(call, name) for name in ("begins", "ends", "end_masks"))

    def run(x: torch.Tensor, *references: torch.Tensor) -> torch.Tensor:
        shape: list[int] = []
        for reference, begin, end, mask in zip(references, begins, ends, masks, strict=True):
            shape += reference.shape[begin : None if mask else end]
        return x.reshape(shape)

    return Kernel(("x", "ref_tensors"), run)


def _integers_of_each(call: Call, parameter: str) -> tuple[int, ...]:
    values = call.constant(parameter)
    tensors = values if isinstance(values, tuple) else (values,)
    return tuple(int(tensor.item()) for tensor in tensors if isinstance(tensor, torch.Tensor))


@FAMILY.operator("transpose", effect=Effect.MOVEMENT)
def transpose(call: Call) -> Kernel:
    permutation = call.axes("perm", "x")
    return Kernel(("x",), lambda x: x.permute(permutation))


@FAMILY.operator("expand_dims", effect=Effect.MOVEMENT)
def expand_dims(call: Call) -> Kernel:
    """New axes of size 1 at the places `axes` of the result."""
    axes = call.integers("axes")
    rank = call.rank("x") + len(axes)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(places) != len(axes):
        raise call.invalid(f"parameter 'axes' is {axes}, but the result has rank {rank}")

    def run(x: torch.Tensor) -> torch.Tensor:
        sizes = iter(x.shape)
        return x.reshape([1 if axis in places else next(sizes) for axis in range(rank)])

    return Kernel(("x",), run)


@FAMILY.operator("squeeze", effect=Effect.MOVEMENT)
def squeeze(call: Call) -> Kernel:
    """Drops the given axes, or all axes of size 1."""
    if not call.has("axes"):
        return Kernel(("x",), torch.squeeze)
    axes = call.axes("axes", "x")

    def run(x: torch.Tensor) -> torch.Tensor:
        return x.reshape([size for axis, size in enumerate(x.shape) if axis not in axes])

    return Kernel(("x",), run)


@FAMILY.operator("flatten2d", effect=Effect.MOVEMENT)
def flatten2d(call: Call) -> Kernel:
    """The axes before `axis` become one, those from it on another."""
    axis = call.axis("axis", "x", 1) if call.integer("axis", 1) != call.rank("x") else call.rank("x")
    return Kernel(("x",), lambda x: x.reshape(prod(x.shape[:axis]), -1))


@FAMILY.operator("shape", effect=Effect.SELECTION)
def shape(call: Call) -> Kernel:
    carrier = call.output_type().dtype.carrier
    return Kernel(("x",), lambda x: torch.tensor(x.shape, dtype=carrier))
