"""Package folders and weight files: what is found, and what is refused."""

from __future__ import annotations

import json
import os
import struct

import numpy as np
import pytest

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.weights import WeightFile, unpack


def make(folder, *, path="com.apple.CoreML/model.mlmodel", manifest=None):
    package = folder / "some.mlpackage"
    model = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    (model.parent / "weights").mkdir(parents=True)
    model.write_bytes(b"model")
    (model.parent / "weights" / "weight.bin").write_bytes(b"weights")
    (folder / "outside.bin").write_bytes(b"secret")
    document = {"itemInfoEntries": {"A": {"path": path}}, "rootModelIdentifier": "A"}
    (package / "Manifest.json").write_text(json.dumps(document) if manifest is None else manifest)
    return package


def test_a_package_names_its_model_and_weights(tmp_path) -> None:
    package = open_package(make(tmp_path))
    assert package.read_model() == b"model"
    assert package.weight_file("@model_path/weights/weight.bin").read_bytes() == b"weights"


def test_a_bare_model_file_is_a_package_of_one(tmp_path) -> None:
    (tmp_path / "a.mlmodel").write_bytes(b"model")
    assert open_package(tmp_path / "a.mlmodel").read_model() == b"model"


REFUSED = [
    ({"path": "../../outside.bin"}, "the package names a path outside itself: '../../outside.bin'"),
    ({"path": "/etc/passwd"}, "the package names a path outside itself: '/etc/passwd'"),
    ({"path": "..\\outside.bin"}, "the package names a path outside itself: '..\\\\outside.bin'"),
    ({"path": 7}, "the package names a path outside itself: 7"),
    ({"path": "com.apple.CoreML/other.mlmodel"}, "the package has no file Data/com.apple.CoreML/other.mlmodel"),
    ({"manifest": "{"}, "Manifest.json names no root model"),
    ({"manifest": "[]"}, "Manifest.json names no root model"),
    ({"manifest": "\xff"}, "Manifest.json names no root model"),
    ({"manifest": "[" * 100_000}, "Manifest.json names no root model"),
    ({"manifest": '{"itemInfoEntries": {}, "rootModelIdentifier": "A"}'}, "Manifest.json names no root model"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_broken_manifest_is_refused(tmp_path, change, message) -> None:
    with pytest.raises(PackageError) as caught:
        open_package(make(tmp_path, **change))
    assert caught.value.what == message


def test_what_is_no_package_is_refused(tmp_path) -> None:
    with pytest.raises(PackageError, match="no such package: nothing"):
        open_package(tmp_path / "nothing")
    with pytest.raises(PackageError, match=r"the folder has no Manifest\.json"):
        open_package(tmp_path)


@pytest.mark.parametrize(
    "name", ["@model_path/../../../../outside.bin", "weights/weight.bin", "@model_path/", "@model_path//x"]
)
def test_weight_files_stay_inside(tmp_path, name) -> None:
    package = open_package(make(tmp_path))
    with pytest.raises(PackageError, match="outside"):
        package.weight_file(name)


def test_links_stay_inside(tmp_path) -> None:
    path = make(tmp_path)
    weights = path / "Data" / "com.apple.CoreML" / "weights"
    os.symlink(tmp_path / "outside.bin", weights / "leak.bin")
    os.symlink(weights / "weight.bin", weights / "same.bin")
    os.symlink(weights / "loop.bin", weights / "loop.bin")
    package = open_package(path)
    assert package.weight_file("@model_path/weights/same.bin").read_bytes() == b"weights"
    with pytest.raises(PackageError, match="a link that leads outside"):
        package.weight_file("@model_path/weights/leak.bin")
    with pytest.raises(PackageError):
        package.weight_file("@model_path/weights/loop.bin")


def blob(data: bytes, element: int, *, sentinel=0xDEADBEEF, start=128, size=None, padding=0) -> bytes:
    header = struct.pack("<II", 1, 2).ljust(64, b"\0")
    metadata = struct.pack("<IIQQQ", sentinel, element, len(data) if size is None else size, start, padding)
    return header + metadata.ljust(64, b"\0") + data.ljust(64, b"\0")


def weight_file(folder, data: bytes) -> WeightFile:
    (folder / "weight.bin").write_bytes(data)
    return WeightFile(folder / "weight.bin", "weight.bin")


@pytest.mark.parametrize(
    ("dtype", "element"),
    [(DataType.FLOAT16, 1), (DataType.FLOAT32, 2), (DataType.UINT8, 3), (DataType.INT16, 6), (DataType.UINT32, 15)],
)
def test_a_blob_is_an_array_of_its_type(tmp_path, dtype, element) -> None:
    values = np.arange(6).astype(dtype.storage).reshape(2, 3)
    found = weight_file(tmp_path, blob(values.tobytes(), element)).array(64, dtype, (2, 3))
    assert found.dtype == dtype.storage
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    ("dtype", "element"), [(DataType.INT4, 8), (DataType.UINT1, 9), (DataType.UINT3, 12), (DataType.UINT6, 13)]
)
def test_packed_elements_are_read_from_the_lowest_bit(tmp_path, dtype, element) -> None:
    values = np.arange(11) % 2**dtype.bits
    number = sum(int(value) << dtype.bits * place for place, value in enumerate(values))
    data = number.to_bytes((11 * dtype.bits + 7) // 8, "little")
    padding = len(data) * 8 - 11 * dtype.bits
    found = weight_file(tmp_path, blob(data, element, padding=padding)).array(64, dtype, (11,))
    expected = np.where(values >= 8, values - 16, values) if dtype is DataType.INT4 else values
    np.testing.assert_array_equal(found, expected)


def test_unpack_extends_the_sign() -> None:
    np.testing.assert_array_equal(unpack(np.array([0x8F, 0x07], np.uint8), DataType.INT4, 3), [-1, -8, 7])


DATA = np.arange(4, dtype=np.float32).tobytes()
DAMAGED = [
    (b"", 64, "it has 0 bytes"),
    (struct.pack("<II", 1, 9).ljust(192, b"\0"), 64, "its version is 9"),
    (blob(DATA, 2), 63, "not aligned"),
    (blob(DATA, 2), 2**63, "outside the file"),
    (blob(DATA, 2), 192, "outside the file"),
    (blob(DATA, 2), 128, "no blob at offset 128"),
    (blob(DATA, 2, sentinel=1), 64, "no blob at offset 64"),
    (blob(DATA, 1), 64, "holds fp16, the program expects fp32"),
    (blob(DATA, 99), 64, "holds type 99"),
    (blob(DATA, 2, start=2**40), 64, "reaches outside the file"),
    (blob(DATA, 2, size=2**40), 64, "reaches outside the file"),
    (blob(DATA, 2, start=0), 64, "reaches outside the file"),
    (blob(DATA, 2, size=15), 64, "broken size"),
    (blob(DATA, 2, padding=3), 64, "broken size"),
    (blob(DATA, 2, size=12), 64, "has 3 elements, the program expects 4"),
]


@pytest.mark.parametrize(("data", "offset", "message"), DAMAGED)
def test_a_damaged_weight_file_is_refused(tmp_path, data, offset, message) -> None:
    with pytest.raises(PackageError, match=message):
        weight_file(tmp_path, data).array(offset, DataType.FLOAT32, (4,))
