"""The package's folder: its files, their identifiers, the same bytes for the same model."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from google.protobuf.struct_pb2 import Struct

from mobiledeploy.artifact import file_hashes
from mobiledeploy.targets.mlpackage import write_mlpackage


def model(*names: str) -> Struct:
    message = Struct()
    for name in names:
        message[name] = 1.0
    return message


def test_the_manifest_names_model_and_weights(tmp_path: Path) -> None:
    weights = tmp_path / "blob"
    weights.write_bytes(b"weights")
    package = tmp_path / "net.mlpackage"
    write_mlpackage(package, model("a"), weights)
    manifest = json.loads((package / "Manifest.json").read_text())
    assert manifest["fileFormatVersion"] == "1.0.0"
    items = manifest["itemInfoEntries"]
    assert items[manifest["rootModelIdentifier"]]["path"] == "com.apple.CoreML/model.mlmodel"
    assert sorted(item["path"] for item in items.values()) == [
        "com.apple.CoreML/model.mlmodel",
        "com.apple.CoreML/weights",
    ]
    assert all(str(uuid.UUID(identifier)) == identifier for identifier in items)
    assert (package / "Data/com.apple.CoreML/weights/weight.bin").read_bytes() == b"weights"
    assert not weights.exists()


def test_a_model_without_weights_has_no_weights_item(tmp_path: Path) -> None:
    write_mlpackage(tmp_path / "net.mlpackage", model("a"), None)
    files = sorted(file_hashes(tmp_path / "net.mlpackage"))
    assert files == ["Data/com.apple.CoreML/model.mlmodel", "Manifest.json"]


def test_maps_are_written_in_one_order(tmp_path: Path) -> None:
    names = [f"name{number}" for number in range(50)]
    write_mlpackage(tmp_path / "one", model(*names), None)
    write_mlpackage(tmp_path / "two", model(*reversed(names)), None)
    assert file_hashes(tmp_path / "one") == file_hashes(tmp_path / "two")


def test_identifiers_differ_where_the_content_does(tmp_path: Path) -> None:
    write_mlpackage(tmp_path / "one", model("a"), None)
    write_mlpackage(tmp_path / "two", model("b"), None)
    one, two = (json.loads((tmp_path / name / "Manifest.json").read_text()) for name in ("one", "two"))
    assert one["rootModelIdentifier"] != two["rootModelIdentifier"]
