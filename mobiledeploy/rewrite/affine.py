"""The algebra of linear maps on channels: convolutions in any number of spatial dimensions, down to none.

A `ConvMap` is `y[o, p] = Σ weight[o, i, j] · x[g(o) + i, stride·p - padding + dilation·j]` with zeros outside. With no
spatial dimension it is a Linear layer's matrix. Identity, per-channel scale and average pooling (where it counts its
padding) are ConvMaps too. Maps of one input that land on the same positions add up to one map:

    taps of a 3x3, padding 1:  -1  0  1         taps of a 1x1:  0         together:  -1  0  1

Weights are kept as they are stored until something is computed with them; that is done in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

__all__ = ["ConvMap", "diagonal", "merge"]


@dataclass(frozen=True)
class ConvMap:
    """`weight`: (out, in / groups, *kernel). `stride`, `padding`, `dilation`: one per spatial dimension."""

    weight: torch.Tensor
    groups: int
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def out_channels(self) -> int:
        return int(self.weight.shape[0])

    @property
    def in_channels(self) -> int:
        return int(self.weight.shape[1]) * self.groups

    @property
    def kernel(self) -> tuple[int, ...]:
        return tuple(self.weight.shape[2:])

    @property
    def spatial(self) -> int:
        return len(self.stride)

    @property
    def is_padded(self) -> bool:
        return any(self.padding)

    @property
    def macs_per_position(self) -> int:
        """Multiply-accumulates per output position; a diagonal map is no convolution and has none."""
        return 0 if self.is_diagonal else self.weight.numel()

    @property
    def is_diagonal(self) -> bool:
        """One number per channel, in place: identity or scale."""
        depthwise = self.groups == self.in_channels == self.out_channels
        return depthwise and math.prod(self.kernel) == 1 and not self.is_padded and all(s == 1 for s in self.stride)

    def scale_outputs(self, scale: torch.Tensor) -> ConvMap:
        """diag(scale) ∘ self; `scale`: (out,) or one number."""
        return replace(self, weight=self.weight.double() * _column(scale, self.weight.dim()))

    def scale_inputs(self, scale: torch.Tensor) -> ConvMap:
        """self ∘ diag(scale); `scale`: (in,)."""
        return replace(self, weight=self.weight.double() * self._per_input(scale))

    def of_constant(self, value: torch.Tensor) -> torch.Tensor:
        """What the map gives, away from a padded border, for an input that is `value` (in,) everywhere: (out,)."""
        return (self.weight.double() * self._per_input(value)).flatten(1).sum(1)

    def regroup(self, groups: int) -> ConvMap:
        """The same map with fewer groups; `groups` divides the present number. The new weights are zeros."""
        if groups == self.groups:
            return self
        per_out, per_in = self.out_channels // self.groups, self.weight.shape[1]
        merged = self.groups // groups
        weight = self.weight.new_zeros(self.out_channels, per_in * merged, *self.kernel)
        for group in range(self.groups):
            rows = slice(group * per_out, (group + 1) * per_out)
            first = (group % merged) * per_in
            weight[rows, first : first + per_in] = self.weight[rows]
        return replace(self, weight=weight, groups=groups)

    def _per_input(self, value: torch.Tensor) -> torch.Tensor:
        """(in,) laid out against `weight`: (out, in / groups, 1, …)."""
        per_out = self.out_channels // self.groups
        rows = value.reshape(self.groups, -1).repeat_interleave(per_out, 0)
        return rows.reshape(*rows.shape, *([1] * self.spatial))


def diagonal(scale: torch.Tensor, spatial: int) -> ConvMap:
    """The map that multiplies channel c by scale[c]; `scale`: float64 (channels,)."""
    weight = scale.reshape(-1, 1, *([1] * spatial))
    return ConvMap(weight, len(scale), (1,) * spatial, (0,) * spatial, (1,) * spatial)


def merge(first: ConvMap, second: ConvMap, size: tuple[int, ...]) -> ConvMap | str:
    """The one map that is the sum of both on an input of spatial `size`, or why there is none."""
    if (first.in_channels, first.out_channels) != (second.in_channels, second.out_channels):
        return "the branches have different numbers of channels"
    if first.stride != second.stride:
        return "the branches have different strides"
    geometry = [_union(first, second, axis, size[axis]) for axis in range(first.spatial)]
    if any(lattice is None for lattice in geometry):
        return "no symmetrically padded kernel covers both branches"
    lattices = [lattice for lattice in geometry if lattice is not None]
    groups = math.gcd(first.groups, second.groups)
    parts = [_place(branch.regroup(groups), lattices) for branch in (first, second)]
    return replace(parts[0], weight=parts[0].weight.double() + parts[1].weight.double())


@dataclass(frozen=True)
class _Lattice:
    """Taps at -padding, -padding + dilation, …: `kernel` of them."""

    padding: int
    dilation: int
    kernel: int


def _taps(branch: ConvMap, axis: int) -> list[int]:
    return [branch.dilation[axis] * j - branch.padding[axis] for j in range(branch.kernel[axis])]


def _union(first: ConvMap, second: ConvMap, axis: int, size: int) -> _Lattice | None:
    taps = sorted({*_taps(first, axis), *_taps(second, axis)})
    dilation = math.gcd(*(tap - taps[0] for tap in taps[1:])) if len(taps) > 1 else 1
    kernel = (taps[-1] - taps[0]) // dilation + 1
    union = _Lattice(-taps[0], dilation, kernel)
    same = _positions(first, axis, size)
    produced = (size + 2 * union.padding - dilation * (union.kernel - 1) - 1) // first.stride[axis] + 1
    return union if produced == same == _positions(second, axis, size) else None


def _positions(branch: ConvMap, axis: int, size: int) -> int:
    reach = branch.dilation[axis] * (branch.kernel[axis] - 1) + 1
    return (size + 2 * branch.padding[axis] - reach) // branch.stride[axis] + 1


def _place(branch: ConvMap, lattices: list[_Lattice]) -> ConvMap:
    """`branch` on a finer or wider grid: its taps where they were, zeros elsewhere."""
    weight = branch.weight.new_zeros(*branch.weight.shape[:2], *(lattice.kernel for lattice in lattices))
    window = tuple(_window(branch, axis, lattice) for axis, lattice in enumerate(lattices))
    weight[(slice(None), slice(None), *window)] = branch.weight
    return ConvMap(
        weight,
        branch.groups,
        branch.stride,
        tuple(lattice.padding for lattice in lattices),
        tuple(lattice.dilation for lattice in lattices),
    )


def _window(branch: ConvMap, axis: int, lattice: _Lattice) -> slice:
    first, *rest = [(tap + lattice.padding) // lattice.dilation for tap in _taps(branch, axis)]
    return slice(first, (rest[-1] if rest else first) + 1, rest[0] - first if rest else 1)


def _column(value: torch.Tensor, rank: int) -> torch.Tensor:
    return value.reshape(-1, *([1] * (rank - 1)))
