"""Operators that exchange elements between axes, or reverse them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("rearranging")


def _blocked(call: Call, parameter: str, rearrange: Callable[[torch.Tensor, int], torch.Tensor]) -> Kernel:
    block = call.integer(parameter)
    if block < 1 or call.rank("x") != 4:
        raise call.invalid(
            f"{parameter} is {block} for x of rank {call.rank('x')}; it needs rank 4 and a positive size"
        )
    return Kernel(("x",), lambda x: rearrange(x, block))


@FAMILY.operator("depth_to_space", effect=Effect.MOVEMENT)
def depth_to_space(call: Call) -> Kernel:
    """(N, b·b·C, H, W) to (N, C, b·H, b·W); the place in the block is the slower part of the channel (TensorFlow's)."""

    def run(x: torch.Tensor, b: int) -> torch.Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)

    return _blocked(call, "block_size", run)


@FAMILY.operator("space_to_depth", effect=Effect.MOVEMENT)
def space_to_depth(call: Call) -> Kernel:
    """The inverse of `depth_to_space`."""

    def run(x: torch.Tensor, b: int) -> torch.Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)

    return _blocked(call, "block_size", run)


@FAMILY.operator("pixel_shuffle", effect=Effect.MOVEMENT)
def pixel_shuffle(call: Call) -> Kernel:
    """(N, C·f·f, H, W) to (N, C, f·H, f·W); the place in the block is the faster part of the channel (PyTorch's)."""
    return _blocked(call, "upscale_factor", functional.pixel_shuffle)


@FAMILY.operator("pixel_unshuffle", effect=Effect.MOVEMENT, since=Opset.IOS16)
def pixel_unshuffle(call: Call) -> Kernel:
    """The inverse of `pixel_shuffle`."""
    return _blocked(call, "downscale_factor", functional.pixel_unshuffle)


@FAMILY.operator("space_to_batch", effect=Effect.MOVEMENT)
def space_to_batch(call: Call) -> Kernel:
    """(N, C, H, W), padded with zeros, to (b₀·b₁·N, C, H/b₀, W/b₁); the place in the block is the slower part."""
    (b0, b1), (top, bottom, left, right) = call.integers("block_shape"), call.integers("paddings")

    def run(x: torch.Tensor) -> torch.Tensor:
        checked_shape([*x.shape[:2], x.shape[2] + top + bottom, x.shape[3] + left + right])
        x = functional.pad(x, (left, right, top, bottom))
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // b0, b0, w // b1, b1).permute(3, 5, 0, 1, 2, 4)
        return blocks.reshape(b0 * b1 * n, c, h // b0, w // b1)

    return Kernel(("x",), run)


@FAMILY.operator("batch_to_space", effect=Effect.MOVEMENT)
def batch_to_space(call: Call) -> Kernel:
    """The inverse of `space_to_batch`, cropped."""
    (b0, b1), (top, bottom, left, right) = call.integers("block_shape"), call.integers("crops")

    def run(x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        n //= b0 * b1
        spread = x.reshape(b0, b1, n, c, h, w).permute(2, 3, 4, 0, 5, 1).reshape(n, c, h * b0, w * b1)
        return spread[:, :, top : h * b0 - bottom, left : w * b1 - right]

    return Kernel(("x",), run)


@FAMILY.operator("reverse", effect=Effect.MOVEMENT)
def reverse(call: Call) -> Kernel:
    """Along the given axes, or all."""
    axes = call.axes("axes", "x") if call.has("axes") else tuple(range(call.rank("x")))
    return Kernel(("x",), lambda x: x.flip(axes))


@FAMILY.operator("reverse_sequence", effect=Effect.MOVEMENT)
def reverse_sequence(call: Call) -> Kernel:
    """The first `lengths[i]` elements of entry i of the batch axis, reversed along the sequence axis."""
    sequence, batch = call.axis("seq_axis", "x", 0), call.axis("batch_axis", "x", 0)

    def run(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        moved = x.movedim((batch, sequence), (0, 1))
        steps = torch.arange(moved.shape[1])
        ends = lengths.long().reshape(-1, 1)
        places = torch.where(steps < ends, ends - 1 - steps, steps)
        rows = torch.arange(moved.shape[0]).reshape(-1, 1)
        return moved[rows, places].movedim((0, 1), (batch, sequence))

    return Kernel(("x", "lengths"), run)
