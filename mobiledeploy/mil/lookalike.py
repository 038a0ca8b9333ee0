"""What is given in the place of a package, and what its owner can do: archives, compiled models, folders around one."""

from __future__ import annotations

from pathlib import Path

from mobiledeploy.errors import PackageError, UnsupportedError

__all__ = ["refuse_lookalike"]

_ZIP = b"PK\x03\x04"


def refuse_lookalike(path: Path) -> None:
    """Raises PackageError for a zip archive and for a folder that has a package inside, UnsupportedError for a compiled
    model; a `path` that may be a package, or does not exist, passes."""
    try:
        if path.is_file():
            _refuse_archive(path)
        elif path.is_dir() and not (path / "Manifest.json").exists():
            _refuse_folder(path)
    except OSError:
        # whoever opens it says what is wrong
        return


def _refuse_archive(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_ZIP)) == _ZIP:
            raise PackageError(
                f"{path.name} is a zip archive", where=str(path), remedy="Unpack it, and give the .mlpackage inside."
            )


def _refuse_folder(path: Path) -> None:
    if path.suffix == ".mlmodelc" or (path / "coremldata.bin").exists():
        raise UnsupportedError(
            f"{path.name} is a compiled model, which Core ML alone can read",
            where=str(path),
            remedy="Give the .mlpackage or .mlmodel that it was compiled from.",
        )
    inside = sorted(path.glob("*.mlpackage"))
    if inside:
        raise PackageError(
            f"{path} is a folder around a package", where=str(path), remedy=f"Give {inside[0].as_posix()}."
        )
