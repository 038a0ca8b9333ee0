"""Operators that make tensors from sizes and numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("generation")


def _with_shape(call: Call, make: Callable[[list[int]], torch.Tensor]) -> Kernel:
    """A kernel for the operand `shape`, read now where it is constant."""
    if call.is_constant("shape"):
        shape = checked_shape(call.integers("shape"))
        return Kernel((), lambda: make(shape))
    return Kernel(("shape",), lambda shape: make(checked_shape(shape.tolist())))


@FAMILY.operator("fill", effect=Effect.SELECTION)
def fill(call: Call) -> Kernel:
    carrier = call.output_type().dtype.carrier
    value = call.number("value", 0.0)
    return _with_shape(call, lambda shape: torch.full(shape, value).to(carrier))


@FAMILY.operator("fill_like", effect=Effect.SELECTION, since=Opset.IOS16)
def fill_like(call: Call) -> Kernel:
    carrier = call.output_type().dtype.carrier
    value = call.number("value", 0.0)
    return Kernel(("ref_tensor",), lambda reference: torch.full(reference.shape, value).to(carrier))


@FAMILY.operator("range_1d")
def range_1d(call: Call) -> Kernel:
    """start, start + step, ... below `end` (above it for a negative step).

    How many there are, ceil((end - start) / step), is computed in the declared type, as by NumPy and by coremltools
    when it declares the shape: from 0 to 1 by the fp16 number next to 0.1, which is less than it, there are ten.
    """
    dtype = call.output_type().dtype
    # of whole numbers a float64 quotient is exact enough
    number: Any = dtype.storage.type if dtype.is_float else np.float64

    def run(start: torch.Tensor, end: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        first, last, stride = (number(value.item()) for value in (start, end, step))
        if not stride:
            raise ValueError("the step is zero")
        (count,) = checked_shape([max(0, ceil((last - first) / stride))])
        return (torch.arange(count, dtype=torch.float64) * float(stride) + float(first)).to(dtype.carrier)

    return Kernel(("start", "end", "step"), run)


@FAMILY.operator("one_hot", effect=Effect.SELECTION)
def one_hot(call: Call) -> Kernel:
    """`on_value` at each index along a new axis, `off_value` elsewhere; an index out of bounds marks nothing."""
    rank = call.rank("indices") + 1
    axis = call.integer("axis", -1)
    if not -rank <= axis < rank:
        raise call.invalid(f"parameter 'axis' is {axis}, but the result has rank {rank}")
    axis %= rank
    carrier = call.output_type().dtype.carrier
    on, off = (
        torch.tensor(call.number(name, value)).to(carrier) for name, value in (("on_value", 1), ("off_value", 0))
    )

    def run(indices: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        count = int(size)
        checked_shape([*indices.shape, count])
        places = torch.arange(count).reshape(-1, *(1,) * (rank - 1 - axis))
        return torch.where(indices.unsqueeze(axis) == places, on, off)

    return Kernel(("indices", "one_hot_vector_size"), run)


def _generator(call: Call) -> torch.Generator | None:
    """Seeded, the same numbers at every prediction; Core ML's own sequences are not documented."""
    seed = call.integer("seed", -1)
    return None if seed == -1 else torch.Generator()


def _random(call: Call, draw: Callable[[list[int], torch.Generator | None], torch.Tensor]) -> Kernel:
    generator, seed = _generator(call), call.integer("seed", -1)
    carrier = call.output_type().dtype.carrier

    def make(shape: list[int]) -> torch.Tensor:
        if generator is not None:
            generator.manual_seed(seed)
        return draw(shape, generator).to(carrier)

    return _with_shape(call, make)


@FAMILY.operator("random_uniform")
def random_uniform(call: Call) -> Kernel:
    low, high = call.number("low", 0.0), call.number("high", 1.0)
    return _random(call, lambda shape, generator: torch.rand(shape, generator=generator) * (high - low) + low)


@FAMILY.operator("random_normal")
def random_normal(call: Call) -> Kernel:
    mean, deviation = call.number("mean", 0.0), call.number("stddev", 1.0)
    return _random(call, lambda shape, generator: torch.randn(shape, generator=generator) * deviation + mean)


@FAMILY.operator("random_bernoulli")
def random_bernoulli(call: Call) -> Kernel:
    probability = call.number("prob", 0.5)
    return _random(call, lambda shape, generator: torch.rand(shape, generator=generator) < probability)


@FAMILY.operator("random_categorical")
def random_categorical(call: Call) -> Kernel:
    """`size` indices along a last axis, drawn by the logits or probabilities of the last axis of x."""
    size, seed = call.integer("size", 1), call.integer("seed", -1)
    logits = call.choice("mode", {"logits": True, "probs": False}, "logits")
    generator = _generator(call)
    carrier = call.output_type().dtype.carrier

    def run(x: torch.Tensor) -> torch.Tensor:
        if generator is not None:
            generator.manual_seed(seed)
        weights = torch.softmax(x, -1) if logits else x
        checked_shape([*x.shape[:-1], size])
        rows = weights.reshape(-1, x.shape[-1])
        drawn = torch.multinomial(rows, size, replacement=True, generator=generator)
        return drawn.reshape(*x.shape[:-1], size).to(carrier)

    return Kernel(("x",), run)
