"""What a result depends on: versions of libraries, and the machine."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

__all__ = ["conditions", "file_digests", "now", "versions"]

LIBRARIES = (
    "mobiledeploy",
    "torch",
    "torchvision",
    "timm",
    "coremltools",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "numpy",
    "transformers",
    "vit-pytorch",
)
"""What the models, the captured graphs, the packages and their execution come from, as far as it is installed."""


def versions() -> dict[str, str]:
    """Of Python and every library of `LIBRARIES` that is installed. A result counts for these versions only."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def conditions() -> dict[str, str]:
    """Of this machine and process: what seconds and mebibytes mean here."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "unset"),
    }


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def file_digests(*paths: str) -> Mapping[str, str]:
    """SHA-256 in hexadecimal of those of `paths` that are files."""
    found = {}
    for path in paths:
        if Path(path).is_file():
            with Path(path).open("rb") as stream:
                found[path] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found
