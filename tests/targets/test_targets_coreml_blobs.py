"""Weight files gathered: each content once, and coremltools' own reader finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobiledeploy.targets.coreml_blobs import BlobFile, BlobGatherer
from mobiledeploy.targets.coreml_library import ct


def storage(path: Path, *arrays: np.ndarray) -> tuple[BlobFile, list[int]]:
    """A weight file as coremltools writes it, and the offsets in it."""
    from coremltools.libmilstoragepython import _BlobStorageWriter

    assert ct is not None
    writer = _BlobStorageWriter(str(path))
    offsets = [
        writer.write_fp16_data(a.view(np.uint16)) if a.dtype == np.float16 else writer.write_float_data(a)
        for a in arrays
    ]
    del writer
    return BlobFile(path), offsets


def test_equal_blobs_of_two_files_become_one(tmp_path) -> None:
    from coremltools.libmilstoragepython import _BlobStorageReader

    shared, other = np.arange(33, dtype=np.float32), np.arange(7, dtype=np.float16)
    one, (a,) = storage(tmp_path / "one.bin", shared)
    two, (b, c) = storage(tmp_path / "two.bin", other, shared)
    gatherer = BlobGatherer(tmp_path / "all.bin")
    places = [gatherer.add(one, a), gatherer.add(two, b), gatherer.add(two, c)]
    path = gatherer.close()
    assert path is not None
    assert places == [64, 64 + 64 + 192, 64]
    reader = _BlobStorageReader(str(path))
    assert np.array_equal(reader.read_float_data(places[0]), shared)
    assert np.array_equal(np.array(reader.read_fp16_data(places[1])).view(np.float16), other)
    assert path.stat().st_size == 64 + 64 + 192 + 64 + 64


def test_the_same_bytes_of_another_type_stay_another_blob(tmp_path) -> None:
    zeros, halves = np.zeros(4, np.float32), np.zeros(8, np.float16)
    file, (a, b) = storage(tmp_path / "one.bin", zeros, halves)
    gatherer = BlobGatherer(tmp_path / "all.bin")
    assert gatherer.add(file, a) != gatherer.add(file, b)
    gatherer.close()


def test_without_blobs_there_is_no_file(tmp_path) -> None:
    assert BlobGatherer(tmp_path / "all.bin").close() is None
    assert list(tmp_path.iterdir()) == []


def test_an_offset_without_a_blob_is_refused(tmp_path) -> None:
    file, _ = storage(tmp_path / "one.bin", np.arange(33, dtype=np.float32))
    with pytest.raises(ValueError, match="there is no blob at offset 128"):
        file.blob(128)
