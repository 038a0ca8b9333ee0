"""The folder of an `.mlpackage`: where the model and its weight files are.

`Manifest.json` lists items by identifier, each with a path below `Data/`, and names the root model's identifier.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.lookalike import refuse_lookalike

__all__ = ["Package", "open_package"]

_EXPORT_AGAIN = "Export or download the package again."
_MODEL_PATH = "@model_path"
# real ones have a few hundred bytes; protobuf reads no message beyond 2 GiB
_MANIFEST_BYTES = 2**20
_MODEL_BYTES = 2**31


@dataclass(frozen=True)
class Package:
    """`root`: the package's folder, resolved. `model`: the file of the model specification, inside it."""

    root: Path
    model: Path

    def read_model(self) -> bytes:
        """The bytes of the model specification. Raises PackageError."""
        return _read(self.model, _MODEL_BYTES)

    def weight_file(self, name: str) -> Path:
        """The file that a program calls `name`, e.g. "@model_path/weights/weight.bin". Raises PackageError if it is
        missing or outside the package."""
        prefix, _, relative = name.partition("/")
        if prefix != _MODEL_PATH:
            raise PackageError(
                f"the program names a weight file outside the package: {name!r:.80}", remedy=_EXPORT_AGAIN
            )
        folder = PurePosixPath(self.model.parent.relative_to(self.root))
        return _inside(self.root, folder / _relative(relative))


def open_package(path: Path) -> Package:
    """The package at `path`: a folder with a `Manifest.json`, or a bare `.mlmodel` file.

    Raises PackageError if it is missing, is none, or leads outside itself; UnsupportedError for a compiled model.
    """
    refuse_lookalike(path)
    if path.is_file():
        return Package(path.parent.resolve(), path.resolve())
    if not path.is_dir():
        raise PackageError(f"no such package: {path.name}", where=str(path), remedy="Check the path.")
    root = path.resolve()
    return Package(root, _inside(root, PurePosixPath("Data") / _root_model(path)))


def _root_model(path: Path) -> PurePosixPath:
    manifest = path / "Manifest.json"
    if not manifest.is_file():
        raise PackageError("the folder has no Manifest.json", where=str(path), remedy="Is this an .mlpackage?")
    data = _read(_inside(path.resolve(), PurePosixPath(manifest.name)), _MANIFEST_BYTES)
    try:
        document = json.loads(data)
        item = document["itemInfoEntries"][document["rootModelIdentifier"]]["path"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PackageError("Manifest.json names no root model", where=str(manifest), remedy=_EXPORT_AGAIN) from None
    return _relative(item)


def _relative(text: object) -> PurePosixPath:
    path = PurePosixPath(text) if isinstance(text, str) else None
    if (
        path is None
        or path.is_absolute()
        or ".." in path.parts
        or not path.parts
        or "\\" in str(text)
        # neither control characters nor halves of surrogate pairs, which could not even be shown
        or not str(text).isprintable()
    ):
        raise PackageError(f"the package names a path outside itself: {text!r:.80}", remedy=_EXPORT_AGAIN)
    return path


def _inside(root: Path, relative: PurePosixPath) -> Path:
    """The resolved file, links followed, which must be a regular file below `root`."""
    try:
        path = (root / relative).resolve()
        exists = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(root / relative, error) from None
    if not path.is_relative_to(root):
        raise PackageError(
            f"{relative!s:.200} is a link that leads outside the package", where=str(root), remedy=_EXPORT_AGAIN
        )
    if not exists:
        raise PackageError(f"the package has no file {relative!s:.200}", where=str(root), remedy=_EXPORT_AGAIN)
    return path


def _read(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise PackageError(
                f"{path.name} has {size} bytes, more than the {limit} allowed", where=str(path), remedy=_EXPORT_AGAIN
            )
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> PackageError:
    return PackageError(
        f"cannot read {path.name}: {getattr(error, 'strerror', None) or error}",
        where=f"{path!s:.200}",
        remedy="Check its permissions.",
    )
