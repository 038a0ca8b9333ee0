"""A Core ML package converted to a format of other worlds, executed there, and held against the executor.

.mlpackage ──mil──▶ nn.Module ──torch.export──▶ .pt2, .onnx ──execute──▶ parity ──▶ in place
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy import mil
from mobiledeploy.artifact import MANIFEST, open_artifact
from mobiledeploy.errors import InputError, OutputError, PackageError
from mobiledeploy.pipeline.foreign_format import ForeignFormat, format_named
from mobiledeploy.pipeline.foreign_parity import demand_equality, expectation
from mobiledeploy.progress import SILENT, Progress

if TYPE_CHECKING:
    from mobiledeploy.mil import Model
    from mobiledeploy.mil.module import ProgramModule
    from mobiledeploy.pipeline.runnable import Precision
    from mobiledeploy.records import ParityReport

__all__ = ["ConvertedFile", "convert"]

_CORE_ML = (".mlpackage", ".mlmodel")


@dataclass(frozen=True)
class ConvertedFile:
    """`path`: the file. `format`: onnx or pt2. `size`: in bytes. `sha256`: of them. `parity`: against the executor."""

    path: Path
    format: str
    size: int
    sha256: str
    parity: ParityReport


def convert(
    package: Path,
    formats: Sequence[str],
    *,
    output: Path | None = None,
    function: str | None = None,
    precision: Precision = "float32",
    progress: Progress = SILENT,
) -> tuple[ConvertedFile, ...]:
    """Writes `package` in each of `formats` ("onnx", "pt2"), once all of them compute what the executor computes.

    Args:
        package: an `.mlpackage` or `.mlmodel`, or an exported folder with a package in it.
        output: the file, where there is one format; else the package's name with the format's suffix, in the current
            folder. A file of that name is replaced.
        function: which one of a package of several; its default one when None.
        precision: "float32" leaves the values between operators unrounded, and the graph free of casts; "declared"
            keeps every rounding to fp16, as two casts.

    Each file is executed on three seeded inputs (pictures where it takes them) and passes at the PSNR that parity
    asks of the precision. Raises ParityError where one does not, UnsupportedError for what a format cannot hold,
    PackageError, InputError, OutputError, HostError; nothing is written then.
    """
    chosen = tuple(dict.fromkeys(map(format_named, formats)))
    package = _package(package)
    paths = _paths(package, chosen, output)
    progress.step(f"Opening {package.name}")
    model = mil.load(package, function, precision=precision)
    _warn_of_other_shapes(model, progress)
    module = model.as_module()
    progress.step(f"Executing {package.name}")
    wanted = expectation(model, module, precision)
    inputs = wanted.samples[0]
    with _beside(paths) as partials:
        files = []
        for path, format_, partial in zip(paths, chosen, partials, strict=True):
            progress.step(f"Translating to {format_.name}")
            content = format_.encode(module, inputs, _metadata(model, module, precision))
            partial.write_bytes(content)
            progress.step(f"Executing {partial.name} under {format_.runner}")
            execute = format_.open(partial, module, inputs)
            report = wanted.report(partial.name, format_.runner, execute)
            digest = hashlib.sha256(content).hexdigest()
            files.append(ConvertedFile(path, format_.name, len(content), digest, report))
        demand_equality([file.parity for file in files])
        for partial, path in zip(partials, paths, strict=True):
            os.replace(partial, path)
    return tuple(files)


def _package(path: Path) -> Path:
    """The package itself, where `path` is a folder of ours around it; one of ours must be what was exported."""
    of_ours = (path if path.is_dir() and path.suffix not in _CORE_ML else path.parent) / MANIFEST
    if not of_ours.exists():
        return path
    targets = open_artifact(path).targets
    packages = [target for target in targets if target.suffix == ".mlpackage"]
    named = [target for target in packages if target.resolve() == path.resolve()] or packages
    if len(named) != 1:
        raise PackageError(
            f"{path.name} holds {len(named)} Core ML packages", where=str(path), remedy="Name the package itself."
        )
    return named[0]


def _paths(package: Path, formats: Sequence[ForeignFormat], output: Path | None) -> tuple[Path, ...]:
    if not formats:
        raise InputError("no format is given", where="--to", remedy="Say --to onnx or --to pt2.")
    if output is not None and len(formats) > 1:
        raise InputError(
            f"one file cannot hold {len(formats)} formats", where="--output", remedy="Leave it out, or give one --to."
        )
    if output is not None and output.suffix != formats[0].suffix:
        raise InputError(
            f"{output.name} does not end in {formats[0].suffix}",
            where="--output",
            remedy=f"Name a file such as {output.stem or 'model'}{formats[0].suffix}.",
        )
    paths = tuple(Path(package.resolve().stem + format_.suffix) for format_ in formats) if output is None else (output,)
    for path in paths:
        folder = path.parent
        if not folder.is_dir() or path.is_dir() or not os.access(folder, os.W_OK):
            raise OutputError(
                f"cannot write {path}", where="--output", remedy="Name a file in a folder that can be written."
            )
    return paths


@contextmanager
def _beside(paths: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """The places where files of these names are made, on the same file system; whatever is left there is removed."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=".converting-", dir=paths[0].parent))
        yield tuple(folder / path.name for path in paths)
    except OSError as error:
        raise OutputError(
            f"cannot write {paths[0]}: {error.strerror}", where="--output", remedy="Name a file in another folder."
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _warn_of_other_shapes(model: Model, progress: Progress) -> None:
    for feature in model.inputs:
        if feature.enumerated or feature.ranges:
            shape = "x".join(map(str, feature.shape))
            progress.warn(f"{feature.name} takes several shapes; the file will take {shape} only.")


def _metadata(model: Model, module: ProgramModule, precision: Precision) -> dict[str, str]:
    """What the package says of itself, and what cannot be seen from names and shapes."""
    found = {**model.metadata, "precision": precision}
    colors = {feature.name: feature.color for feature in (*model.inputs, *model.outputs) if feature.color}
    if colors:
        found["colors"] = json.dumps(colors, sort_keys=True)
    if module.labels is not None:
        found["labels"] = json.dumps(module.labels, ensure_ascii=False)
    return found
