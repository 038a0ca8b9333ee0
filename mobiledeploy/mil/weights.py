"""Weight files: blobs of raw elements behind 64-byte headers.

Layout (Apple's MILBlob, `StorageFormat.hpp` of the coremltools repository), little endian: a storage header of 64
bytes (u32 count of blobs, u32 version = 2), then blobs, each a metadata record of 64 bytes (u32 sentinel 0xDEADBEEF,
u32 element type, u64 size in bytes, u64 offset of the data, u64 unused bits at the end) and its data.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import numpy as np

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.dtype import DataType

__all__ = ["WeightFile", "unpack"]

_HEADER = struct.Struct("<II")
_METADATA = struct.Struct("<IIQQQ")
_RECORD_BYTES = 64
_SENTINEL = 0xDEADBEEF
_VERSION = 2

_ELEMENT_TYPES = {
    1: DataType.FLOAT16,
    2: DataType.FLOAT32,
    3: DataType.UINT8,
    4: DataType.INT8,
    5: DataType.BFLOAT16,
    6: DataType.INT16,
    7: DataType.UINT16,
    8: DataType.INT4,
    9: DataType.UINT1,
    10: DataType.UINT2,
    11: DataType.UINT4,
    12: DataType.UINT3,
    13: DataType.UINT6,
    14: DataType.INT32,
    15: DataType.UINT32,
}

_REMEDY = "The package is damaged: export or download it again."


class WeightFile:
    """A memory-mapped weight file. Every offset is checked against the file before it is followed.

    Raises PackageError when the file cannot be read or is no weight file.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        try:
            with path.open("rb") as file:
                self._bytes: mmap.mmap | bytes = _map(file.fileno())
        except (OSError, ValueError) as error:
            raise PackageError(f"cannot read the weight file: {error}", where=name, remedy=_REMEDY) from None
        if len(self._bytes) < _RECORD_BYTES:
            raise self._damaged(f"it has {len(self._bytes)} bytes, less than its header")
        _, version = _HEADER.unpack_from(self._bytes)
        if version != _VERSION:
            raise self._damaged(f"its version is {version}, expected {_VERSION}")

    def array(self, offset: int, dtype: DataType, shape: tuple[int, ...]) -> np.ndarray:
        """The blob whose metadata stands at `offset`, as an array of `dtype.storage` (a view of the file unless its
        elements are packed). Raises PackageError if it is not there, of another type, or of another size."""
        data, padding_bits = self._blob(offset, dtype)
        count = (len(data) * 8 - padding_bits) // dtype.bits
        expected = int(np.prod(shape, dtype=object)) if shape else 1
        if count != expected:
            raise self._damaged(f"the blob at offset {offset} has {count} elements, the program expects {expected}")
        if dtype.is_packed:
            return unpack(data, dtype, count).reshape(shape)
        return data.view(dtype.storage).reshape(shape)

    def forget(self) -> None:
        """Gives back the memory of the pages read so far; arrays stay valid and read them again."""
        if isinstance(self._bytes, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._bytes.madvise(mmap.MADV_DONTNEED)

    def _blob(self, offset: int, dtype: DataType) -> tuple[np.ndarray, int]:
        total = len(self._bytes)
        if offset % _RECORD_BYTES or not _RECORD_BYTES <= offset <= total - _RECORD_BYTES:
            raise self._damaged(f"offset {offset} of a blob is outside the file or not aligned")
        sentinel, element, size, start, padding_bits = _METADATA.unpack_from(self._bytes, offset)
        if sentinel != _SENTINEL:
            raise self._damaged(f"there is no blob at offset {offset}")
        found = _ELEMENT_TYPES.get(element)
        # the format has no type for booleans: they are kept as bytes
        if found is not dtype and not (dtype is DataType.BOOL and found in (DataType.UINT8, DataType.INT8)):
            name = found.spelling if found else f"type {element}"
            raise self._damaged(f"the blob at offset {offset} holds {name}, the program expects {dtype.spelling}")
        if start % _RECORD_BYTES or start < _RECORD_BYTES or start + size > total:
            raise self._damaged(f"the blob at offset {offset} reaches outside the file")
        if (
            padding_bits >= 8
            or padding_bits > size * 8
            or (not dtype.is_packed and (padding_bits or size * 8 % dtype.bits))
        ):
            raise self._damaged(f"the blob at offset {offset} has a broken size")
        return np.frombuffer(self._bytes, dtype=np.uint8, count=size, offset=start), padding_bits

    def _damaged(self, what: str) -> PackageError:
        return PackageError(f"the weight file is damaged: {what}", where=self._name, remedy=_REMEDY)


def _map(descriptor: int) -> mmap.mmap | bytes:
    # an empty file cannot be mapped
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if os.fstat(descriptor).st_size else b""


def unpack(data: np.ndarray, dtype: DataType, count: int) -> np.ndarray:
    """`count` elements of a type smaller than a byte, packed from the lowest bit of each byte upwards.

    `data`: uint8 bytes. Returns `dtype.storage` elements, signed types sign-extended.
    """
    bits = np.unpackbits(data, count=count * dtype.bits, bitorder="little").reshape(count, dtype.bits)
    values = np.packbits(bits, axis=1, bitorder="little").reshape(count)
    if dtype is DataType.INT4:
        return ((values ^ 8).astype(np.int8) - 8).astype(np.int8)
    return values
