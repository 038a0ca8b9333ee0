"""What can be measured, taken to jobs: exported folders, and packages that no export of ours made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mobiledeploy.artifact import MANIFEST
from mobiledeploy.campaign.exported import ExportedPackage, packages_in, prepare_exported
from mobiledeploy.campaign.foreign import SUFFIXES, ForeignPackage, open_foreign, prepare_foreign
from mobiledeploy.campaign.sizes import ChosenSizes
from mobiledeploy.progress import SILENT, Progress

if TYPE_CHECKING:
    from mobiledeploy.campaign.content import Prepared
    from mobiledeploy.server.blobs import Blobs

__all__ = ["Measurable", "is_package", "measurable", "prepare"]

Measurable: TypeAlias = ExportedPackage | ForeignPackage

_DEFAULT = ChosenSizes()


def is_package(name: str) -> bool:
    """Whether `name` is the path of a package or of a folder, and not a model to be exported first."""
    return Path(name).suffix in SUFFIXES or (":" not in name and Path(name).is_dir())


def measurable(path: Path, chosen: ChosenSizes = _DEFAULT) -> tuple[Measurable, ...]:
    """The packages at `path`: an exported folder, a package in one, or any `.mlpackage` or `.mlmodel`; none of them is
    executed.

    Raises PackageError for what is none or is damaged, InputError for a folder without a Core ML package and for a size
    that a package does not take, UnsupportedError for what a phone could not measure.
    """
    if path.suffix in SUFFIXES and not (path.parent / MANIFEST).exists():
        return (open_foreign(path, chosen),)
    return packages_in(path, chosen)


def prepare(
    path: Path, blobs: Blobs, chosen: ChosenSizes = _DEFAULT, progress: Progress = SILENT
) -> tuple[Prepared, ...]:
    """One entry for each package at `path` and size. Raises as `measurable` does."""
    return tuple(each for package in measurable(path, chosen) for each in _prepared(package, blobs, progress))


def _prepared(package: Measurable, blobs: Blobs, progress: Progress) -> tuple[Prepared, ...]:
    if isinstance(package, ForeignPackage):
        return prepare_foreign(package, blobs, progress)
    return prepare_exported(package, blobs)
