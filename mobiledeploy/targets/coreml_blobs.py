"""Weight files of ML Programs: read a blob, and gather the blobs of several files in one, each content once.

Layout (Apple's MILBlob, `StorageFormat.hpp` of the coremltools repository), little endian: a header of 64 bytes (u32
count of blobs, u32 version = 2), then blobs, each a record of 64 bytes (u32 sentinel 0xDEADBEEF, u32 element type, u64
size in bytes, u64 offset of the data, u64 unused bits at the end) and its data, both at multiples of 64.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from pathlib import Path

__all__ = ["BlobFile", "BlobGatherer"]

_HEADER = struct.Struct("<II")
_RECORD = struct.Struct("<IIQQQ")
_VERSION = 2
_SENTINEL = 0xDEADBEEF
_ALIGNMENT = 64


class BlobFile:
    """A weight file that coremltools has just written, mapped into memory."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def blob(self, offset: int) -> tuple[int, int, memoryview]:
        """Element type, unused bits and data of the blob whose record stands at `offset`."""
        sentinel, element, size, start, unused = _RECORD.unpack_from(self._content, offset)
        if sentinel != _SENTINEL:
            raise ValueError(f"there is no blob at offset {offset}")
        return element, unused, self._content[start : start + size]


class BlobGatherer:
    """A new weight file at `path`, written in the order in which blobs are added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[tuple[int, int, bytes], int] = {}
        self._end = _ALIGNMENT
        self._file = path.open("wb")
        self._file.write(bytes(_ALIGNMENT))

    def add(self, source: BlobFile, offset: int) -> int:
        """Where the blob at `offset` of `source` stands in the new file."""
        element, unused, data = source.blob(offset)
        key = (element, unused, hashlib.sha256(data).digest())
        if key not in self._places:
            self._places[key] = self._append(element, unused, data)
        return self._places[key]

    def close(self) -> Path | None:
        """The file, complete; None and no file where nothing was added."""
        self._file.seek(0)
        self._file.write(_HEADER.pack(len(self._places), _VERSION))
        self._file.close()
        if self._places:
            return self.path
        self.path.unlink()
        return None

    def _append(self, element: int, unused: int, data: memoryview) -> int:
        place = self._end
        start = place + _ALIGNMENT
        record = _RECORD.pack(_SENTINEL, element, len(data), start, unused)
        self._file.write(record.ljust(_ALIGNMENT, b"\0"))
        self._file.write(data)
        self._end = start + len(data) + -len(data) % _ALIGNMENT
        self._file.write(bytes(-len(data) % _ALIGNMENT))
        return place
