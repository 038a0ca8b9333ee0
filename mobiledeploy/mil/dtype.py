"""The element types of MIL values, and how each is held while a program runs."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch

__all__ = ["DataType"]


class DataType(Enum):
    """A MIL element type; the value is its number in MIL.proto.

    `carrier` is the torch type that holds its values: half precision is held in float32 (and rounded where a program
    computes in it), and unsigned types that torch computes little with are held in the next larger signed type.
    """

    BOOL = 1
    STRING = 2
    FLOAT16 = 10
    FLOAT32 = 11
    FLOAT64 = 12
    BFLOAT16 = 13
    INT8 = 21
    INT16 = 22
    INT32 = 23
    INT64 = 24
    INT4 = 25
    UINT8 = 31
    UINT16 = 32
    UINT32 = 33
    UINT64 = 34
    UINT4 = 35
    UINT2 = 36
    UINT1 = 37
    UINT6 = 38
    UINT3 = 39

    @property
    def is_float(self) -> bool:
        return self in (DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64, DataType.BFLOAT16)

    @property
    def bits(self) -> int:
        """Bits of one element in a weight file; strings have none and give 0."""
        return _BITS[self]

    @property
    def is_packed(self) -> bool:
        """Whether elements share bytes in a weight file."""
        return 0 < self.bits < 8

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest number of an integer type."""
        if self.name.startswith("INT"):
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1

    @property
    def carrier(self) -> torch.dtype:
        return _CARRIERS[self]

    @property
    def storage(self) -> np.dtype[np.generic]:
        """The NumPy type of its bytes in a weight file; packed types give the type they unpack to."""
        return np.dtype(_STORAGE[self]).newbyteorder("<")

    @property
    def spelling(self) -> str:
        """As `cast` and `dtype` arguments write it: fp16, int32, bool, ..."""
        return _SPELLING.get(self, self.name.lower())

    @staticmethod
    def named(spelling: str) -> DataType:
        """The type that `spelling` names. Raises KeyError."""
        return _BY_SPELLING[spelling]


_SPELLING = {
    DataType.FLOAT16: "fp16",
    DataType.FLOAT32: "fp32",
    DataType.FLOAT64: "fp64",
    DataType.BFLOAT16: "bf16",
}
_BY_SPELLING = {kind.spelling: kind for kind in DataType}
_BITS = {kind: int("".join(filter(str.isdigit, kind.name)) or 8) for kind in DataType} | {
    DataType.STRING: 0,
}
_BITS[DataType.BFLOAT16] = 16
_CARRIERS = {
    DataType.BOOL: torch.bool,
    DataType.FLOAT16: torch.float32,
    DataType.BFLOAT16: torch.float32,
    DataType.FLOAT32: torch.float32,
    DataType.FLOAT64: torch.float64,
    DataType.INT4: torch.int8,
    DataType.INT8: torch.int8,
    DataType.INT16: torch.int16,
    DataType.INT32: torch.int32,
    DataType.INT64: torch.int64,
    DataType.UINT1: torch.uint8,
    DataType.UINT2: torch.uint8,
    DataType.UINT3: torch.uint8,
    DataType.UINT4: torch.uint8,
    DataType.UINT6: torch.uint8,
    DataType.UINT8: torch.uint8,
    DataType.UINT16: torch.int32,
    DataType.UINT32: torch.int64,
    DataType.UINT64: torch.int64,
}
_STORAGE = {
    DataType.BOOL: "bool",
    DataType.FLOAT16: "float16",
    # NumPy has no bfloat16: its bits are the upper half of a float32
    DataType.BFLOAT16: "uint16",
    DataType.FLOAT32: "float32",
    DataType.FLOAT64: "float64",
    DataType.INT4: "int8",
    DataType.INT8: "int8",
    DataType.INT16: "int16",
    DataType.INT32: "int32",
    DataType.INT64: "int64",
    DataType.UINT1: "uint8",
    DataType.UINT2: "uint8",
    DataType.UINT3: "uint8",
    DataType.UINT4: "uint8",
    DataType.UINT6: "uint8",
    DataType.UINT8: "uint8",
    DataType.UINT16: "uint16",
    DataType.UINT32: "uint32",
    DataType.UINT64: "uint64",
}
