"""A bare `.mlmodel` file in the folder that a package is: what travels to a phone is always a package."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.records import PackageContent, PackageFile

if TYPE_CHECKING:
    from mobiledeploy.server.blobs import Blobs

__all__ = ["bare_content"]

_AUTHOR = "com.apple.CoreML"
_FILE = "model.mlmodel"
_NAMESPACE = uuid.UUID("6f2d5a0e-3a52-4b57-9a43-1d6a3c1f5f0b")


def bare_content(path: Path, blobs: Blobs) -> PackageContent:
    """The model at `path` as an `.mlpackage` with coremltools' manifest, kept in `blobs`. The same model always gives
    the same package: the identifier of its only item is made from the model's hash."""
    model = PackageFile(f"Data/{_AUTHOR}/{_FILE}", *blobs.add_file(path))
    item = str(uuid.uuid5(_NAMESPACE, model.sha256)).upper()
    entry = {
        "author": _AUTHOR,
        "description": "CoreML Model Specification",
        "name": _FILE,
        "path": f"{_AUTHOR}/{_FILE}",
    }
    manifest = {"fileFormatVersion": "1.0.0", "itemInfoEntries": {item: entry}, "rootModelIdentifier": item}
    content = json.dumps(manifest, indent=4, sort_keys=True).encode()
    described = PackageFile("Manifest.json", blobs.add(content), len(content))
    return PackageContent(f"{path.stem}.mlpackage", (model, described))
