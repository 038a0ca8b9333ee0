"""Named arrays in one file that NumPy can read (.npz), with the same bytes every time it is written.

`numpy.savez` stamps the time of day into the archive. Here every member carries the earliest date that ZIP knows, and
is stored uncompressed: zlib's successors compress to different bytes, and photographs hardly shrink.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from mobiledeploy.errors import OutputError, PackageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_arrays", "write_arrays"]

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o644 << 16
_REMEDY = "Export the model again."


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Writes `arrays` to `path`, in their order, little-endian and C-contiguous. Raises OutputError."""
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                member = zipfile.ZipInfo(f"{name}.npy", _EARLIEST)
                member.create_system, member.external_attr = _UNIX, _READABLE
                archive.writestr(member, _npy(array))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write {path.name}: {reason}", where=str(path), remedy="Check space and rights."
        ) from None


def _npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    portable = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    npy.write_array(buffer, portable, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays in `path`, in their order. Nothing in the file can run code or claim more memory than the file has.

    Raises PackageError if the file cannot be read, is damaged, or was not written by `write_arrays`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {_name(member): _array(archive, member) for member in archive.infolist()}
    except OSError as error:
        reason = error.strerror or str(error)
        raise PackageError(f"cannot read {path.name}: {reason}", where=str(path), remedy=_REMEDY) from None
    # what zipfile and numpy.lib.format raise for bytes that are not theirs
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, tokenize.TokenError) as error:
        raise PackageError(f"{path.name} is damaged: {error}", where=str(path), remedy=_REMEDY) from None


def _name(member: zipfile.ZipInfo) -> str:
    if member.compress_type != zipfile.ZIP_STORED or not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename} is not an array stored by mobiledeploy")
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.generic]:
    content = io.BytesIO(archive.read(member))
    if npy.read_magic(content) != (1, 0):
        raise ValueError(f"{member.filename} has another format version")
    shape, fortran_order, dtype = npy.read_array_header_1_0(content)
    data = content.read()
    if dtype.hasobject or fortran_order or len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{member.filename} does not hold what its header says")
    # a copy, because a view of bytes cannot be written to, and torch warns of such arrays
    return np.frombuffer(data, dtype).reshape(shape).copy()
