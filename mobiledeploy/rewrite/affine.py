"""The algebra of linear maps on channels: convolutions in any number of spatial dimensions, down to none.

A `ConvMap` is `y[o, p] = Σ weight[o, i, j] · x[g(o) + i, stride·p - padding + dilation·j]` with zeros outside. With no
spatial dimension it is a Linear layer's matrix. Identity, per-channel scale and average pooling (where it counts its
padding) are ConvMaps too. Maps of one input that land on the same positions add up to one map:

    taps of a 3x3, padding 1:  -1  0  1         taps of a 1x1:  0         together:  -1  0  1

Geometry is decided first; weights stay as they are stored, with a scale beside them, until somebody asks for the sum.
That is then computed in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

__all__ = ["ConvMap", "Geometry", "compose", "composition", "diagonal", "merge"]


@dataclass(frozen=True)
class Geometry:
    """A map without its numbers. `kernel`, `stride`, `padding`, `dilation`: one per spatial dimension."""

    in_channels: int
    out_channels: int
    groups: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    @property
    def is_padded(self) -> bool:
        return any(self.padding)

    @property
    def is_diagonal(self) -> bool:
        """One number per channel, in place: identity or scale."""
        depthwise = self.groups == self.in_channels == self.out_channels
        return depthwise and math.prod(self.kernel) == 1 and not self.is_padded and all(s == 1 for s in self.stride)

    @property
    def macs_per_position(self) -> int:
        """Multiply-accumulates per output position; a diagonal map is no convolution and has none."""
        return 0 if self.is_diagonal else math.prod(self.weight_shape)

    def taps(self, axis: int) -> list[int]:
        """Where the kernel reads, relative to stride times the output position."""
        return [self.dilation[axis] * j - self.padding[axis] for j in range(self.kernel[axis])]

    def positions(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial size of the output for an input of spatial `size`."""
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        padded = [n + 2 * p for n, p in zip(size, self.padding, strict=True)]
        return tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, self.stride, strict=True))


@dataclass(frozen=True)
class _Part:
    """A summand of a map's weight: `weight` as stored, of `geometry`, its rows times `scale` (out,), float64."""

    geometry: Geometry
    weight: torch.Tensor
    scale: torch.Tensor | None

    def value(self) -> torch.Tensor:
        weight = self.weight.double()
        return weight if self.scale is None else weight * self.scale.reshape(-1, *([1] * (weight.dim() - 1)))

    def is_zero(self) -> bool:
        if self.scale is None or bool(self.scale.all()):
            return not bool(self.weight.any())
        return not bool(self.value().any())


@dataclass(frozen=True)
class ConvMap:
    """The sum of `parts`, on a grid that holds them all."""

    geometry: Geometry
    parts: tuple[_Part, ...]

    @staticmethod
    def of(
        weight: torch.Tensor,
        groups: int,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> ConvMap:
        """`weight`: (out, in / groups, *kernel)."""
        rows, columns, *kernel = weight.shape
        geometry = Geometry(columns * groups, rows, groups, tuple(kernel), stride, padding, dilation)
        return ConvMap(geometry, (_Part(geometry, weight, None),))

    @property
    def is_diagonal(self) -> bool:
        return self.geometry.is_diagonal

    def is_zero(self) -> bool:
        """Whether nothing passes. Parts that cancel each other are not looked for."""
        return all(part.is_zero() for part in self.parts)

    def is_uniform(self, value: float) -> bool:
        """Whether every channel is passed on times `value`, in place."""
        return self.is_diagonal and bool((self.weight() == value).all())

    def weight(self) -> torch.Tensor:
        """float64, of `geometry.weight_shape`."""
        if len(self.parts) == 1 and self.parts[0].geometry == self.geometry:
            return self.parts[0].value()
        total = torch.zeros(self.geometry.weight_shape, dtype=torch.float64)
        for part in self.parts:
            _add(total, part, self.geometry)
        return total

    def scale_outputs(self, scale: torch.Tensor) -> ConvMap:
        """diag(scale) ∘ self; `scale`: float64 (out,)."""
        parts = (replace(part, scale=scale if part.scale is None else part.scale * scale) for part in self.parts)
        return replace(self, parts=tuple(parts))

    def scale_inputs(self, scale: torch.Tensor) -> ConvMap:
        """self ∘ diag(scale); `scale`: float64 (in,)."""
        columns = scale.reshape(self.geometry.groups, 1, -1, *([1] * len(self.geometry.kernel)))
        weight = (self._by_group() * columns).reshape(self.geometry.weight_shape)
        return replace(self, parts=(_Part(self.geometry, weight, None),))

    def of_constant(self, value: torch.Tensor) -> torch.Tensor:
        """What the map gives, away from a padded border, for an input that is `value` (in,) everywhere: (out,)."""
        if not value.any():
            return torch.zeros(self.geometry.out_channels, dtype=torch.float64)
        matrix = self._by_group().flatten(3).sum(3) if self.geometry.kernel else self._by_group()
        return (matrix @ value.reshape(self.geometry.groups, -1, 1)).flatten()

    def _by_group(self) -> torch.Tensor:
        """The weight as (groups, out / groups, in / groups, *kernel)."""
        rows, *rest = self.geometry.weight_shape
        return self.weight().reshape(self.geometry.groups, rows // self.geometry.groups, *rest)


def diagonal(scale: torch.Tensor, spatial: int) -> ConvMap:
    """The map that multiplies channel c by scale[c]; `scale`: float64 (channels,)."""
    ones = (1,) * spatial
    return ConvMap.of(scale.reshape(-1, 1, *ones), len(scale), ones, (0,) * spatial, ones)


def merge(first: ConvMap, second: ConvMap, size: tuple[int, ...]) -> ConvMap | str:
    """The one map that is the sum of both on an input of spatial `size`, or why there is none."""
    a, b = first.geometry, second.geometry
    if (a.in_channels, a.out_channels) != (b.in_channels, b.out_channels):
        return "the branches have different numbers of channels"
    if a.stride != b.stride:
        return "the branches have different strides"
    taps = [sorted({*a.taps(axis), *b.taps(axis)}) for axis in range(len(size))]
    union = _lattice(taps, a.stride, a.in_channels, a.out_channels, math.gcd(a.groups, b.groups))
    if not union.positions(size) == a.positions(size) == b.positions(size):
        return "no symmetrically padded kernel covers both branches"
    return ConvMap(union, first.parts + second.parts)


def composition(inner: Geometry, outer: Geometry, size: tuple[int, ...]) -> Geometry | str:
    """The geometry of `outer ∘ inner` on an input of spatial `size`, or why there is none.

    A padded outer map reads zeros where a larger kernel would read the inner map's own values, unless the inner one
    looks at one position only.
    """
    if outer.is_padded and (math.prod(inner.kernel) > 1 or inner.is_padded):
        return "the second map pads what the first one computes"
    taps = [_reached(inner.taps(axis), outer.taps(axis), inner.stride[axis]) for axis in range(len(size))]
    stride = tuple(s * t for s, t in zip(inner.stride, outer.stride, strict=True))
    union = _lattice(taps, stride, inner.in_channels, outer.out_channels, math.gcd(inner.groups, outer.groups))
    if union.positions(size) != outer.positions(inner.positions(size)):
        return "no symmetrically padded kernel covers both maps"
    return union


def compose(inner: ConvMap, outer: ConvMap, union: Geometry) -> ConvMap:
    """`outer ∘ inner`, whose `composition` is `union`."""
    return ConvMap(union, (_Part(union, _composed(inner, outer, union), None),))


def _reached(inner: list[int], outer: list[int], stride: int) -> list[int]:
    return sorted({stride * far + near for far in outer for near in inner})


def _composed(inner: ConvMap, outer: ConvMap, union: Geometry) -> torch.Tensor:
    """Σ over the outer taps of (outer tap) · (inner kernel), each where it lands on the union's grid."""
    total = torch.zeros(union.weight_shape, dtype=torch.float64)
    first, second = (_regrouped(m.weight(), m.geometry, union.groups) for m in (inner, outer))
    grid = [range(size) for size in outer.geometry.kernel]
    for tap in torch.cartesian_prod(*map(torch.tensor, grid)).reshape(-1, len(grid)).tolist() if grid else [[]]:
        column = second[(slice(None), slice(None), slice(None), *tap)]
        product = torch.einsum("gom,gm...->go...", column, first)
        shift = [
            inner.geometry.stride[axis] * (outer.geometry.dilation[axis] * j - outer.geometry.padding[axis])
            for axis, j in enumerate(tap)
        ]
        window = _window(inner.geometry, union, shift)
        total[(slice(None), slice(None), *window)] += product.flatten(0, 1)
    return total


def _regrouped(weight: torch.Tensor, geometry: Geometry, groups: int) -> torch.Tensor:
    """(groups, out / groups, in / groups, *kernel), with zeros between channels that do not meet."""
    wider = replace(geometry, groups=groups)
    total = torch.zeros(wider.weight_shape, dtype=torch.float64)
    _add(total, _Part(geometry, weight, None), wider)
    return total.reshape(groups, -1, *total.shape[1:])


def _lattice(
    taps: list[list[int]], stride: tuple[int, ...], in_channels: int, out_channels: int, groups: int
) -> Geometry:
    """The smallest symmetrically padded grid on which all `taps` (sorted, per axis) lie."""
    dilation = tuple(math.gcd(*(tap - axis[0] for tap in axis)) or 1 for axis in taps)
    kernel = tuple((axis[-1] - axis[0]) // step + 1 for axis, step in zip(taps, dilation, strict=True))
    padding = tuple(-axis[0] for axis in taps)
    return Geometry(in_channels, out_channels, groups, kernel, stride, padding, dilation)


def _add(total: torch.Tensor, part: _Part, onto: Geometry) -> None:
    """Adds the part to the weight `total` of geometry `onto`: fewer groups, a finer or wider grid."""
    merged = part.geometry.groups // onto.groups
    rows, columns = part.weight.shape[0] // part.geometry.groups, part.weight.shape[1]
    kernel = part.weight.shape[2:]
    # (onto.groups, merged, rows, merged, columns, *kernel): the part's groups are the diagonal of the two `merged`.
    blocks = total.view(onto.groups, merged, rows, merged, columns, *onto.kernel).diagonal(dim1=1, dim2=3)
    window = _window(part.geometry, onto, [0] * len(kernel))
    value = part.value().reshape(onto.groups, merged, rows, columns, *kernel).movedim(1, -1)
    blocks[(slice(None), slice(None), slice(None), *window)] += value


def _window(of: Geometry, onto: Geometry, shift: list[int]) -> tuple[slice, ...]:
    """Where the taps of `of`, moved by `shift`, stand on the grid of `onto`."""
    window = []
    for axis, offset in enumerate(shift):
        first, *rest = [(tap + offset + onto.padding[axis]) // onto.dilation[axis] for tap in of.taps(axis)]
        window.append(slice(first, (rest[-1] if rest else first) + 1, rest[0] - first if rest else 1))
    return tuple(window)
