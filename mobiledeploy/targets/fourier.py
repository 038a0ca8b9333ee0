"""Discrete Fourier transforms as products with constant matrices.

    X[k] = sum over n of x[n] exp(-2πi n k / N)  ──▶  (x_re C - x_im S, x_re S + x_im C),  exp(-2πi n k / N) = C + iS

Sizes in vision models are small (global filters at 14x14): the matrices are no larger than a linear layer's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from mobiledeploy.aten.graph import add_constant, aten, call, rank, shape

if TYPE_CHECKING:
    from torch import fx

__all__ = ["Complex", "inverse_to_real", "normalization", "transform"]

# Real and imaginary part; None is zero.
Complex = tuple["fx.Node", "fx.Node | None"]


def normalization(sizes: Sequence[int], mode: int) -> float:
    """torch's fft_norm_mode: 0 none, 1 by the root of the number of elements, 2 by the number itself."""
    return float(math.prod(sizes) ** -(mode / 2))


def transform(
    module: fx.GraphModule, value: Complex, axis: int, *, inverse: bool, scale: float = 1.0, outputs: int | None = None
) -> Complex:
    """The transform along one axis; of its result the first `outputs` entries. Inserted at the graph's insert point."""
    size = shape(value[0])[axis]
    angles = torch.outer(torch.arange(size, dtype=torch.float64), torch.arange(outputs or size, dtype=torch.float64))
    angles = angles * ((2 if inverse else -2) * math.pi / size)
    cosine, sine = torch.cos(angles) * scale, torch.sin(angles) * scale
    real, imaginary = value
    parts = _product(module, real, cosine, axis), _product(module, real, sine, axis)
    if imaginary is None:
        return parts
    others = _product(module, imaginary, sine, axis), _product(module, imaginary, cosine, axis)
    graph = module.graph
    difference = call(graph, aten.sub.Tensor, (parts[0], others[0]), like=real)
    return difference, call(graph, aten.add.Tensor, (parts[1], others[1]), like=real)


def inverse_to_real(module: fx.GraphModule, value: Complex, axis: int, size: int, scale: float) -> fx.Node:
    """The real signal of `size` whose spectrum has the given first half: each entry but the first and, of an even size,
    the last stands for its conjugate too."""
    real, imaginary = value
    half = size // 2 + 1
    weights = torch.full((half, 1), 2.0, dtype=torch.float64)
    weights[0] = 1
    if size % 2 == 0:
        weights[-1] = 1
    steps = torch.outer(torch.arange(half, dtype=torch.float64), torch.arange(size, dtype=torch.float64))
    angles = steps * (2 * math.pi / size)
    signal = _product(module, real, weights * torch.cos(angles) * scale, axis, half)
    if imaginary is None:
        return signal
    odd = _product(module, imaginary, weights * torch.sin(angles) * scale, axis, half)
    return call(module.graph, aten.sub.Tensor, (signal, odd), like=real)


def _product(
    module: fx.GraphModule, value: fx.Node, matrix: torch.Tensor, axis: int, length: int | None = None
) -> fx.Node:
    """`value` (its first `length` entries along the axis) times `matrix` along that axis."""
    graph, last = module.graph, rank(value) - 1
    axis = axis % (last + 1)
    if length is not None and shape(value)[axis] > length:
        value = call(graph, aten.slice.Tensor, (value, axis, 0, length), like=value)
    order = [a for a in range(last + 1) if a != axis] + [axis]
    back = [order.index(a) for a in range(last + 1)]
    weight = add_constant(module, matrix.T.contiguous(), like=value, hint="fourier")
    moved = value if axis == last else call(graph, aten.permute.default, (value, order), like=value)
    product = call(graph, aten.linear.default, (moved, weight), like=value)
    return product if axis == last else call(graph, aten.permute.default, (product, back), like=value)
