"""Compressed constants: evaluated once, when a program is loaded.

Sources of the formulas: the operators' definitions in coremltools (`converters/mil/mil/ops/defs/`, files
`iOS16/constexpr_ops.py` and `iOS18/compression.py`). Sparse operators return (mask, non-zero values).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("constexpr")


@FAMILY.operator("constexpr_cast", effect=Effect.MOVEMENT, since=Opset.IOS16)
def constexpr_cast(_: Call) -> Kernel:
    """fp16 to fp32: the same values."""
    return Kernel(("source_val",), lambda source: source)


@FAMILY.operator("constexpr_affine_dequantize", since=Opset.IOS16)
def affine_dequantize(call: Call) -> Kernel:
    """scale (data - zero_point), scale and zero_point scalars or vectors along `axis`."""
    rank = call.rank("quantized_data")
    axis = call.axis("axis", "quantized_data")

    def run(data: torch.Tensor, zero_point: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        shape = [-1 if position == axis else 1 for position in range(rank)]
        return (data.float() - zero_point.float().reshape(shape)) * scale.reshape(shape)

    return Kernel(("quantized_data", "zero_point", "scale"), run)


@FAMILY.operator("constexpr_lut_to_dense", effect=Effect.SELECTION, since=Opset.IOS16)
def flat_lut_to_dense(call: Call) -> Kernel:
    """Indices packed from the lowest bit upwards, log2(len(lut)) bits each."""
    shape = call.integers("shape")
    bits = (call.tensor("lut").numel() - 1).bit_length()
    if call.tensor("lut").numel() not in (2, 4, 16, 64, 256):
        raise call.invalid(f"the table has {call.tensor('lut').numel()} entries")

    def run(indices: torch.Tensor, lut: torch.Tensor) -> torch.Tensor:
        return lut[_unpack(indices, bits, _size(call, shape, indices.numel() * 8)).long()].reshape(shape)

    return Kernel(("indices", "lut"), run)


@FAMILY.operator("constexpr_sparse_to_dense", effect=Effect.SELECTION, since=Opset.IOS16)
def flat_sparse_to_dense(call: Call) -> Kernel:
    """A mask of one bit per element, packed from the lowest bit upwards."""
    shape = call.integers("shape")

    def run(nonzero: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        flat = _unpack(mask, 1, _size(call, shape, mask.numel() * 8))
        return _scatter(nonzero, flat).reshape(shape)

    return Kernel(("nonzero_data", "mask"), run)


@FAMILY.operator("constexpr_blockwise_shift_scale", since=Opset.IOS18)
def blockwise_shift_scale(call: Call) -> Kernel:
    """scale (data - offset), scale and offset repeated over blocks of equal size along every axis."""
    return Kernel(call.present("data", "scale", "offset"), _shift_scale)


@FAMILY.operator("constexpr_lut_to_dense", effect=Effect.SELECTION, since=Opset.IOS18)
def lut_to_dense(call: Call) -> Kernel:
    """indices (*K); lut (*G, entries, vector), each G dividing its K: one table per group. A vector of several elements
    is laid out along `vector_axis`."""
    axis = call.axis("vector_axis", "indices", -1)
    return Kernel(("indices", "lut"), lambda indices, lut: _look_up(indices, lut, axis))


@FAMILY.operator("constexpr_sparse_to_dense", effect=Effect.SELECTION, since=Opset.IOS18)
def sparse_to_dense(_: Call) -> Kernel:
    return Kernel(("nonzero_data", "mask"), _scatter)


@FAMILY.operator("constexpr_lut_to_sparse", effect=Effect.SELECTION, since=Opset.IOS18)
def lut_to_sparse(call: Call) -> Kernel:
    axis = call.axis("vector_axis", "indices_mask", -1)

    def run(mask: torch.Tensor, nonzero: torch.Tensor, lut: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        dense = _look_up(_scatter(nonzero, mask), lut, axis)
        wide = mask.repeat_interleave(lut.shape[-1], axis)
        return wide, dense[wide != 0]

    return Kernel(("indices_mask", "indices_nonzero_data", "lut"), run)


@FAMILY.operator("constexpr_sparse_blockwise_shift_scale", since=Opset.IOS18)
def sparse_blockwise_shift_scale(call: Call) -> Kernel:
    def run(mask: torch.Tensor, nonzero: torch.Tensor, *scale_and_offset: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return mask, _shift_scale(_scatter(nonzero, mask), *scale_and_offset)[mask != 0]

    return Kernel(call.present("data_mask", "nonzero_data", "scale", "offset"), run)


def _size(call: Call, shape: tuple[int, ...], limit: int) -> int:
    size = 1
    for length in shape:
        size *= length
    if min(shape, default=0) < 0 or size > limit:
        raise call.invalid(f"shape {shape} does not fit the packed data")
    checked_shape(shape)
    return size


def _unpack(packed: torch.Tensor, bits: int, count: int) -> torch.Tensor:
    """`count` unsigned numbers of `bits` bits from uint8 bytes, lowest bit first."""
    shifts = torch.arange(8, dtype=torch.uint8)
    stream = (packed.reshape(-1, 1) >> shifts & 1).reshape(-1)[: count * bits].reshape(count, bits)
    return (stream << shifts[:bits]).sum(1, dtype=torch.uint8)


def _scatter(nonzero: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    dense = torch.zeros(mask.shape, dtype=nonzero.dtype)
    dense[mask != 0] = nonzero
    return dense


def _spread(blocks: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """`blocks` repeated along each axis to `shape`; sizes must divide."""
    for axis, size in enumerate(shape):
        if blocks.shape[axis] != size:
            if blocks.shape[axis] == 0 or size % blocks.shape[axis]:
                raise ValueError(f"{blocks.shape[axis]} blocks do not divide axis {axis} of size {size}")
            blocks = blocks.repeat_interleave(size // blocks.shape[axis], axis)
    return blocks


def _shift_scale(data: torch.Tensor, scale: torch.Tensor, offset: torch.Tensor | None = None) -> torch.Tensor:
    values = data.float()
    if offset is not None:
        values = values - _spread(offset.float(), data.shape)
    return values * _spread(scale, data.shape)


def _look_up(indices: torch.Tensor, lut: torch.Tensor, axis: int) -> torch.Tensor:
    """Each index replaced by its table's vector, laid out along `axis`."""
    groups, entries, vector = lut.shape[:-2], lut.shape[-2], lut.shape[-1]
    if len(groups) != indices.dim():
        raise ValueError(f"a table of rank {lut.dim()} does not fit indices of rank {indices.dim()}")
    table = torch.arange(groups.numel()).reshape(groups)
    checked_shape((*indices.shape, vector))
    rows = _spread(table, indices.shape) * entries + indices.long()
    values = lut.reshape(-1, vector)[rows]
    return values.movedim(-1, axis + 1).reshape(
        [size * vector if position == axis else size for position, size in enumerate(indices.shape)]
    )
