"""A working `MLModel.predict` for coremltools where Core ML is not: on Linux and Windows, and on a Mac by request.

coremltools predicts through one class of its native library, `_MLModelProxy`, which its wheels for other systems lack.
Here this executor stands in for that class, where coremltools' models look it up and nowhere else: `sys.platform`,
`coremltools.utils._is_macos` and all that depends on them keep saying what the machine is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from mobiledeploy.errors import HostError, InputError, MobileDeployError, UnsupportedError
from mobiledeploy.mil.loading import Precision, load
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_model

if TYPE_CHECKING:
    from mobiledeploy.mil.model import Model
    from mobiledeploy.mil.state import State

__all__ = ["CoremltoolsPredict", "enable_coremltools_predict"]

# the specification version of iOS 26, the newest operator set that is known here (Model.proto)
_NEWEST_SPECIFICATION = 10
# what coremltools asks for is at most macOS 15 (states); 26 belongs to the specification above
_MACOS = (26, 0)


class CoremltoolsPredict:
    """What `enable_coremltools_predict` has changed. `disable` puts it back; so does leaving it as a context manager.

    `enabled`: whether this is what makes coremltools predict. It is False on a Mac, where Core ML itself does, and
    where an earlier call had enabled it already: then that one disables it.
    """

    def __init__(self, replaced: Sequence[tuple[ModuleType, str, Any]]) -> None:
        self._replaced = tuple(replaced)

    @property
    def enabled(self) -> bool:
        return bool(self._replaced)

    def disable(self) -> None:
        """Gives coremltools back what it had; models made in between go on predicting. Again, it does nothing."""
        for module, name, value in self._replaced:
            setattr(module, name, value)
        self._replaced = ()

    def __enter__(self) -> CoremltoolsPredict:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disable()


def enable_coremltools_predict(*, precision: Precision = "declared", force: bool = False) -> CoremltoolsPredict:
    """Makes coremltools' `MLModel` predict by this executor, for ML Programs that are made or converted from now on.

    `predict` (also of lists), `make_state`, `read_state`, `write_state`, `function_name`, and `CompiledMLModel` of an
    `.mlpackage` then work as on a Mac, and fail as there: a `RuntimeError` with Core ML's words. `compute_units` and
    optimization hints are accepted and change nothing. Neural networks and other models load and say at `predict` that
    they cannot be executed. Can be undone (see `CoremltoolsPredict`), and called again.

    Args:
        precision: as for `load`.
        force: also on a Mac, in the place of Core ML.

    Raises HostError where coremltools is not installed, InputError for another precision.
    """
    if precision not in ("declared", "float32"):
        raise InputError(f"precision is {precision!r}", remedy="It is 'declared' or 'float32'.")
    compiled, model = _coremltools_models()
    if sys.platform == "darwin" and not force:
        return CoremltoolsPredict(())
    if _stands_in(model._MLModelProxy):
        return CoremltoolsPredict(())
    proxy = type("_MLModelProxy", (_ModelProxy,), {"precision": precision})
    changes: list[tuple[ModuleType, str, Any]] = [
        (model, "_MLModelProxy", proxy),
        (model, "_is_macos", lambda: True),
        (model, "_macos_version", lambda: _MACOS),
        (compiled, "_MLModelProxy", proxy),
        (compiled, "_macos_version", lambda: _MACOS),
    ]
    replaced = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    return CoremltoolsPredict(replaced)


def _coremltools_models() -> tuple[ModuleType, ModuleType]:
    try:
        from coremltools.models import _compiled_model, model
    except ImportError as error:
        raise HostError(
            f"coremltools cannot be imported: {error}",
            remedy="pip install coremltools. mobiledeploy.mil.load executes packages without it.",
        ) from None
    return _compiled_model, model


def _stands_in(proxy: Any) -> bool:
    return isinstance(proxy, type) and issubclass(proxy, _ModelProxy)


@contextmanager
def _core_ml_errors() -> Iterator[None]:
    """Failures as Core ML's binding reports them."""
    try:
        yield
    except MobileDeployError as error:
        raise RuntimeError(str(error)) from error


class _StateProxy:
    """What coremltools' `MLState` wraps."""

    def __init__(self, state: State) -> None:
        self.state = state

    def read_state(self, name: str) -> Any:
        with _core_ml_errors():
            return self.state.read_state(name)

    def write_state(self, name: str, value: Any) -> None:
        with _core_ml_errors():
            self.state.write_state(name, value)


class _ModelProxy:
    """The interface of `libcoremlpython._MLModelProxy`, as far as `MLModel` and `CompiledMLModel` use it.

    Its arguments are coremltools': the path of the package, the name of a compute unit, the name of the function (""
    for the default one), optimization hints, and an asset in memory.
    """

    precision: Precision = "declared"

    def __init__(
        self, path: str, _compute_units: str, function: str, _hints: Mapping[str, str], _asset: object | None = None
    ) -> None:
        started = time.perf_counter_ns()
        self._path = path
        self._last: int | None = None
        with _core_ml_errors():
            self._model = _open(path, function, self.precision)
        self._loading = time.perf_counter_ns() - started

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return _NEWEST_SPECIFICATION

    def predict(self, inputs: Mapping[str, Any], state: _StateProxy | None = None) -> dict[str, Any]:
        started = time.perf_counter_ns()
        with _core_ml_errors():
            outputs = self._model().predict(inputs, None if state is None else state.state)
        self._last = time.perf_counter_ns() - started
        return outputs

    def batchPredict(self, batch: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:  # noqa: N802
        return [self.predict(inputs) for inputs in batch]

    def newState(self) -> _StateProxy:  # noqa: N802
        with _core_ml_errors():
            return _StateProxy(self._model().make_state())

    def get_load_duration_in_nano_seconds(self) -> int:
        return self._loading

    def get_last_predict_duration_in_nano_seconds(self) -> int | None:
        return self._last

    def get_compiled_model_path(self) -> str:
        raise _only_on_a_mac("a compiled model")

    @staticmethod
    def get_available_compute_devices() -> list[Any]:
        raise _only_on_a_mac("a list of Core ML's compute devices")

    @staticmethod
    def create_model_asset_from_path(_path: str) -> Any:
        raise _only_on_a_mac("a compiled model")

    @staticmethod
    def create_model_asset_from_memory(_specification: bytes, _blobs: Mapping[str, bytes]) -> Any:
        raise _only_on_a_mac("a compiled model")


def _open(path: str, function: str, precision: Precision) -> Callable[[], Model]:
    """Gives the model. For another format than ML Programs, alone or in a pipeline, it is this that raises, and not the
    opening: coremltools warns of each model that fails to open, and has always opened these here without a word."""
    if path.rstrip("/\\").endswith(".mlmodelc"):
        raise _only_on_a_mac("a compiled model (.mlmodelc)")
    package, kind = open_package(Path(path)), None
    try:
        kind = parse_model(package.read_model(), path).WhichOneof("Type")
        model = load(path, function or None, precision=precision)
    except UnsupportedError as error:
        if kind == "mlProgram":
            raise
        return partial(_refuse, error)
    return lambda: model


def _refuse(error: UnsupportedError) -> Model:
    raise error


def _only_on_a_mac(what: str) -> RuntimeError:
    return RuntimeError(
        f"{what} exists only on a Mac: here mobiledeploy executes the .mlpackage itself. Give that one to MLModel or "
        "CompiledMLModel."
    )
