"""From a package to a model that is ready to run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.mil.description import Interface, read_interfaces
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_model, read_program

__all__ = ["Precision", "load"]

Precision: TypeAlias = Literal["declared", "float32"]


def load(path: str | os.PathLike[str], function_name: str | None = None, *, precision: Precision = "declared") -> Model:
    """The ML Program in an `.mlpackage` folder (or a bare `.mlmodel` file), ready to run on this machine's CPU.

    Args:
        path: the package.
        function_name: which function of the package; its default one when None.
        precision: "declared" rounds every value that the program declares fp16 to fp16 after the operator that computes
            it (operators themselves compute in float32); "float32" shows the program without rounding.

    Raises PackageError for a missing, damaged or hostile package, UnsupportedError for another model format or an
    operator nobody has implemented, InputError for an unknown function name.
    """
    if precision not in ("declared", "float32"):
        raise InputError(f"precision is {precision!r}", remedy="It is 'declared' or 'float32'.")
    package = open_package(Path(path))
    message = parse_model(package.read_model(), str(path))
    interface = _choose(read_interfaces(message.description), function_name)
    program = read_program(message.mlProgram, package)
    if interface.function not in program.functions:
        raise PackageError(
            f"the program has no function {interface.function!r:.80}", where=str(path), remedy="Export it again."
        )
    return Model(interface, program.functions[interface.function], rounds=precision == "declared")


def _choose(interfaces: tuple[Interface, ...], name: str | None) -> Interface:
    if name is None:
        return interfaces[0]
    for interface in interfaces:
        if interface.function == name:
            return interface
    raise InputError(
        f"the package has no function {name!r}",
        remedy=f"Its functions: {', '.join(interface.function for interface in interfaces)}.",
    )
