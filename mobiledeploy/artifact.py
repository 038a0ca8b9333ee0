"""The folder of an exported model: written whole or not at all, opened and verified.

exports/NAME/  NAME.mlpackage  NAME.onnx  manifest.json  proof.json  reference.npz
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mobiledeploy.errors import InternalError, OutputError, PackageError
from mobiledeploy.folder_swap import partial_folder, put_in_place, recover, sweep, turn
from mobiledeploy.records import Manifest, codec

__all__ = ["MANIFEST", "PROOF", "REFERENCE", "Artifact", "file_hashes", "open_artifact", "write_artifact"]

MANIFEST = "manifest.json"
PROOF = "proof.json"
REFERENCE = "reference.npz"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_REFUSALS = _FULL | _FORBIDDEN | {errno.EIO, errno.ENAMETOOLONG}


@dataclass(frozen=True)
class Artifact:
    """An exported folder. `targets`: the packages and files that were exported, sorted by name. `reference`: what the
    original model gave on the samples, None if the folder has none."""

    folder: Path
    manifest: Manifest
    targets: tuple[Path, ...]
    reference: Path | None


def write_artifact(output: Path, name: str, build: Callable[[Path], None]) -> Path:
    """Makes the folder `output/name`, or replaces the one that an earlier export made, in one step.

    `build` fills the empty folder it is given, `manifest.json` included; whatever it raises leaves things as they were.
    A process killed at any moment leaves the old folder or the new one. Two exports to one place at once: the later one
    stays. Raises OutputError where the file system refuses, and where `output/name` is something we did not make.
    """
    if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
        raise OutputError(f"`{name}` cannot name a folder", where="--name", remedy="Use letters, digits, - and _.")
    final = output / name
    made = _make_folders(output)
    try:
        with _refusals(final, within=output), partial_folder(output, name) as partial:
            sweep(output, name)
            _check_replaceable(final)
            build(partial)
            if not (partial / MANIFEST).is_file():
                raise InternalError(f"the export wrote no {MANIFEST}", where=str(final))
            _check_replaceable(final)
            put_in_place(partial, final)
    except BaseException:
        _remove_empty(made)
        raise
    return final


def open_artifact(path: Path, *, verify: bool = True) -> Artifact:
    """The artifact at `path`: its folder, or a file or package in it.

    Raises PackageError if there is none; with `verify` also if a file is missing or is not what was exported.
    """
    recover(path.parent, path.name)
    folder = _containing_export(path)
    manifest = codec.read(Manifest, folder / MANIFEST)
    _check_names(folder, manifest)
    if verify:
        _verify(folder, manifest)
    tops = sorted({PurePosixPath(file).parts[0] for file in manifest.files})
    targets = tuple(folder / top for top in tops if top != REFERENCE)
    reference = folder / REFERENCE
    return Artifact(folder, manifest, targets, reference if reference.is_file() else None)


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 in hexadecimal of every file below `folder` but manifest and proof, by relative POSIX path, sorted."""
    files = (path for path in folder.rglob("*") if path.is_file() and path not in (folder / MANIFEST, folder / PROOF))
    return {file: _sha256(folder / file) for file in sorted(path.relative_to(folder).as_posix() for path in files)}


def _check_replaceable(final: Path) -> None:
    """Refuses to replace what no export made: `--output . --name src` must not cost anybody their sources."""
    with turn(final.parent):
        ours = not os.path.lexists(final) or (not final.is_symlink() and _is_export(final))
    if not ours:
        raise OutputError(
            f"{final} exists and was not made by mobiledeploy",
            where="--output",
            remedy="Give another --output or --name, or remove it yourself.",
        )


def _is_export(path: Path) -> bool:
    if not path.is_dir():
        return False
    manifest = path / MANIFEST
    # Web applications have a manifest.json, too; a damaged one of ours still counts.
    if manifest.is_file():
        return Manifest.schema.partition("/")[0].encode() in manifest.read_bytes()[:4096]
    return not any(path.iterdir())


def _make_folders(output: Path) -> list[Path]:
    """Makes `output` and its parents; returns those that were missing, innermost first."""
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _output_error(error, output) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


@contextlib.contextmanager
def _refusals(final: Path, *, within: Path) -> Iterator[None]:
    """The file system's refusals to write below `within` as OutputError; what concerns other files goes on as it is."""
    try:
        yield
    except OSError as error:
        elsewhere = (
            error.filename is not None and within.absolute() not in Path(os.fsdecode(error.filename)).absolute().parents
        )
        if elsewhere or error.errno not in _REFUSALS:
            raise
        raise _output_error(error, final) from error


def _output_error(error: OSError, path: Path) -> OutputError:
    if error.errno in _FULL:
        remedy = "Free some space there, or give another folder with --output."
    elif error.errno in _FORBIDDEN:
        remedy = "Give a folder that you may write to with --output."
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        remedy = "A file stands where a folder is needed: give another one with --output."
    else:
        remedy = "Give another folder with --output, or another --name."
    return OutputError(f"cannot write {path}: {error.strerror}", where="--output", remedy=remedy)


def _containing_export(path: Path) -> Path:
    """`path` itself, or the folder of the file or package `path`."""
    try:
        exists = path.exists()
        # On a file system that ignores case, a package's own Manifest.json would pass for ours.
        folder = path if path.is_dir() and path.suffix != ".mlpackage" else path.parent
        if exists and (folder / MANIFEST).is_file():
            return folder
    except OSError as error:
        raise PackageError(f"cannot read {path}: {error.strerror}", where=str(path), remedy=_WHICH) from error
    raise PackageError(
        f"no exported model at {path}" if exists else f"{path} does not exist", where=str(path), remedy=_WHICH
    )


_WHICH = "Give a folder that `mobiledeploy export` made, as in exports/fastvit_t8."
_AGAIN = "Export the model again."


def _check_names(folder: Path, manifest: Manifest) -> None:
    for file in manifest.files:
        parts = PurePosixPath(file).parts
        if not parts or ".." in parts or PurePosixPath(file).is_absolute():
            raise PackageError(
                f"the manifest names `{file}`, which is no file of this folder", where=str(folder), remedy=_AGAIN
            )


def _verify(folder: Path, manifest: Manifest) -> None:
    for file, expected in manifest.files.items():
        path = folder / file
        if not path.is_file():
            raise PackageError(f"`{file}` is missing", where=str(folder), remedy=_AGAIN)
        if _sha256(path) != expected:
            raise PackageError(
                f"`{file}` is not what was exported: its SHA-256 differs", where=str(folder), remedy=_AGAIN
            )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PackageError(f"cannot read {path.name}: {error.strerror}", where=str(path), remedy=_AGAIN) from error
