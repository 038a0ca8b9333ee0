"""A program saved by `torch.export.save`."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.records import InputSpec
from mobiledeploy.sources.naming import file_safe
from mobiledeploy.sources.source import Draft, Request

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["SavedSource"]

# torch.load reads it on every call (torch/serialization.py).
FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"

# Where these operators say whether they train (their schemas in aten/src/ATen/native/native_functions.yaml).
TRAINING_ARGUMENT = {"aten.batch_norm.default": 5, "aten.dropout.default": 2, "aten.dropout_.default": 2}


class SavedSource:
    """`model.pt2`."""

    kind: Literal["pt2"] = "pt2"
    form = "a saved `.pt2`"

    def claims(self, identifier: str) -> bool:
        return identifier.endswith(".pt2")

    def build(self, request: Request) -> Draft:
        path = Path(request.identifier)
        program = _loaded(path)
        inputs = _inputs(program, path)
        _refuse_resolution(request, inputs, path)
        return Draft(
            module=_module(program, path),
            inputs=inputs,
            identifier=path.name,
            name=file_safe(path.stem),
            architecture=f"torch.export program ({path.name})",
            carries="own",
        )


def _loaded(path: Path) -> ExportedProgram:
    if not path.is_file():
        raise InputError(f"no file is there: {path}", where="MODEL", remedy="Check the path.")
    try:
        with _harmless():
            return torch.export.load(path)
    # anything may be in the file, and torch has no error type of its own for it
    except Exception as error:
        raise InputError(
            f"{path.name} is no program that torch can load: {_one_line(error)}",
            where=str(path),
            remedy=f"Save it with `torch.export.save`, with a torch that is not newer than {torch.__version__}.",
        ) from error


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """torch would unpickle anything that a .pt2 brings along; here it is held to tensors and plain data. It also logs a
    whole traceback for a file it cannot read, and warns about what it was written with."""
    log = logging.getLogger("torch.export")
    disabled, forced = log.disabled, os.environ.get(FORCE)
    log.disabled, os.environ[FORCE] = True, "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = disabled
        os.environ.pop(FORCE)
        if forced is not None:
            os.environ[FORCE] = forced


def _one_line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


def _module(program: ExportedProgram, path: Path) -> nn.Module:
    """The program as a plain module, whose eval() and train() only set a flag: the graph has one mode for good."""
    _refuse_training_mode(program, path)
    guards = {"check_guards": False} if "check_guards" in inspect.signature(program.module).parameters else {}
    module: nn.Module = program.module(**guards)
    for name in ("train", "eval"):
        vars(module).pop(name, None)
    return module


def _refuse_training_mode(program: ExportedProgram, path: Path) -> None:
    for node in program.graph.nodes:
        position = TRAINING_ARGUMENT.get(str(node.target))
        if position is not None and len(node.args) > position and node.args[position] is True:
            raise InputError(
                f"{path.name} was exported in training mode: its {node.target} is active",
                where=str(path),
                remedy="Call eval() on the model before `torch.export.export`.",
            )


def _inputs(program: ExportedProgram, path: Path) -> tuple[InputSpec, ...]:
    """One spec per tensor the program takes, from the shapes it was exported with."""
    placeholders = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    specs = []
    for name in program.graph_signature.user_inputs:
        value = placeholders[name].meta.get("val") if isinstance(name, str) and name in placeholders else None
        if not isinstance(value, torch.Tensor):
            raise InputError(
                f"{path.name} takes an input that is no tensor: {name}",
                where=str(path),
                remedy="Export a module that takes tensors only.",
            )
        shape = tuple(_size(size) for size in value.shape)
        specs.append(InputSpec(name=name, shape=shape, dtype=str(value.dtype).removeprefix("torch.")))
    return tuple(specs)


def _size(size: int | torch.SymInt) -> int:
    """A dynamic size counts as the one of the example that the program was exported with."""
    return size if isinstance(size, int) else int(size.node.hint)


def _refuse_resolution(request: Request, inputs: tuple[InputSpec, ...], path: Path) -> None:
    if request.resolution is None or any(spec.shape[-2:] == request.resolution for spec in inputs):
        return
    shapes = ", ".join("x".join(map(str, spec.shape)) for spec in inputs)
    raise InputError(
        f"{path.name} does not take {request.resolution[0]}x{request.resolution[1]}; it was exported for {shapes}",
        where="--resolution",
        remedy="Leave --resolution out, or export the program again at that size.",
    )
