"""From a package to a model that is ready to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mobiledeploy.errors import InputError, MobileDeployError, PackageError
from mobiledeploy.mil.description import Interface, read_interfaces
from mobiledeploy.mil.feature_model import FEATURE_MODELS, read_feature_model
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.model_format import PIPELINES, not_a_program, pipeline_of
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.pipeline import Member, Pipeline, located
from mobiledeploy.mil.reader import parse_model, read_program

if TYPE_CHECKING:
    from mobiledeploy.mil.package import Package
    from mobiledeploy.mil.pipeline import Predictor

__all__ = ["Backend", "Precision", "load"]

Precision: TypeAlias = Literal["declared", "float32"]
Backend: TypeAlias = Literal["torch", "onnxruntime"]


def load(
    path: str | os.PathLike[str],
    function_name: str | None = None,
    *,
    precision: Precision = "declared",
    backend: Backend = "torch",
) -> Model:
    """The ML Program, or pipeline of them, in an `.mlpackage` folder or a bare `.mlmodel` file, ready to run on this
    machine's CPU.

    Args:
        path: the package.
        function_name: which function of the package; its default one when None.
        precision: "declared" rounds every value that the program declares fp16 to fp16 after the operator that computes
            it (operators themselves compute in float32); "float32" shows the program without rounding.
        backend: "torch" executes every operator; "onnxruntime" lowers the program to ONNX, once, which takes seconds,
            and predicts in about half the time (see `mobiledeploy.mil.onnxruntime_model`). What it cannot lower is
            refused: nothing falls back to torch.

    Raises PackageError for a missing, damaged or hostile package, UnsupportedError for another model format or an
    operator nobody has implemented, InputError for an unknown function name.
    """
    if precision not in ("declared", "float32"):
        raise InputError(f"precision is {precision!r}", remedy="It is 'declared' or 'float32'.")
    model_class = _model_class(backend)
    package = open_package(Path(path))
    try:
        message = parse_model(package.read_model(), str(path))
        return _Loader(package, str(path), precision == "declared", model_class).model(message, function_name)
    except (MemoryError, RecursionError) as error:
        what = "is too large for the memory of this machine" if isinstance(error, MemoryError) else "nests too deeply"
        raise PackageError(f"the model {what}", where=str(path), remedy="Is the package damaged?") from None


def _model_class(backend: Backend) -> type[Model]:
    if backend == "torch":
        return Model
    if backend == "onnxruntime":
        from mobiledeploy.mil.onnxruntime_model import OnnxRuntimeModel

        return OnnxRuntimeModel
    raise InputError(f"backend is {backend!r}", remedy="It is 'torch' or 'onnxruntime'.")


@dataclass(frozen=True)
class _Loader:
    package: Package
    where: str
    rounds: bool
    model_class: type[Model]

    def model(self, message: Any, function_name: str | None) -> Model:
        """The model of a `Model` message: an ML Program or a pipeline."""
        pipeline = pipeline_of(message)
        interfaces = read_interfaces(message.description)
        if pipeline is None:
            return self._program(message.mlProgram, _choose(interfaces, function_name))
        if function_name is not None:
            raise InputError(
                f"the package has no function {function_name!r}", remedy="It is a pipeline: load it without a name."
            )
        return Pipeline(interfaces[0], self._members(pipeline))

    def _program(self, message: Any, interface: Interface) -> Model:
        program = read_program(message, self.package)
        if interface.function not in program.functions:
            what = f"the program has no function {interface.function!r:.80}"
            raise PackageError(what, where=self.where, remedy="Export it again.")
        return self.model_class(interface, program.functions[interface.function], rounds=self.rounds)

    def _members(self, pipeline: Any) -> list[Member]:
        members = []
        for index, message in enumerate(pipeline.models):
            name = f" ({pipeline.names[index]:.80})" if index < len(pipeline.names) else ""
            label = f"model {index + 1} of the pipeline's {len(pipeline.models)}{name}"
            try:
                members.append(Member(label, self._member(message)))
            except MobileDeployError as error:
                raise located(error, label) from error
        return members

    def _member(self, message: Any) -> Predictor:
        kind = message.WhichOneof("Type")
        if kind in FEATURE_MODELS:
            return read_feature_model(kind, getattr(message, kind), read_interfaces(message.description)[0])
        if kind is None:
            raise PackageError("it holds no model", remedy="Make the pipeline again.")
        if kind != "mlProgram" and kind not in PIPELINES:
            raise not_a_program(kind, self.where)
        return self.model(message, None)


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
