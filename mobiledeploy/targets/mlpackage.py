"""A Core ML package on disk: the same model gives the same bytes.

    NAME.mlpackage/
      Manifest.json                               which file is what, by identifiers
      Data/com.apple.CoreML/model.mlmodel         the model as a protobuf message
      Data/com.apple.CoreML/weights/weight.bin    the weight blobs

coremltools writes random identifiers into the manifest and leaves protobuf's maps in the order of the hash seed. Here
identifiers are named after what they identify, and maps are sorted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["write_mlpackage"]

_AUTHOR = "com.apple.CoreML"
# Any fixed namespace does; this one is uuid5(NAMESPACE_URL, "https://developer.apple.com/documentation/coreml").
_NAMESPACE = uuid.UUID("1e127396-563c-5bcb-b351-b96a8b901077")


def write_mlpackage(destination: Path, model: Message, weights: Path | None) -> None:
    """Writes the package at `destination`, which must not exist. The file `weights` is moved into it.

    Raises OSError where the file system refuses.
    """
    data = destination / "Data" / _AUTHOR
    data.mkdir(parents=True)
    specification = model.SerializeToString(deterministic=True)
    (data / "model.mlmodel").write_bytes(specification)
    digest = hashlib.sha256(specification)
    entries = [("model.mlmodel", "CoreML Model Specification")]
    if weights is not None:
        (data / "weights").mkdir()
        moved = data / "weights" / "weight.bin"
        shutil.move(weights, moved)
        with moved.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        entries.append(("weights", "CoreML Model Weights"))
    (destination / "Manifest.json").write_text(_manifest(entries, digest.hexdigest()), encoding="utf-8")


def _manifest(entries: list[tuple[str, str]], digest: str) -> str:
    """The package manifest; `entries` are (name, description), the first one is the model."""
    identifiers = [str(uuid.uuid5(_NAMESPACE, f"{digest}/{name}")) for name, _ in entries]
    items = {
        identifier: {
            "author": _AUTHOR,
            "description": description,
            "name": name,
            "path": f"{_AUTHOR}/{name}",
        }
        for identifier, (name, description) in zip(identifiers, entries, strict=True)
    }
    document = {"fileFormatVersion": "1.0.0", "itemInfoEntries": items, "rootModelIdentifier": identifiers[0]}
    return json.dumps(document, indent=4) + "\n"
