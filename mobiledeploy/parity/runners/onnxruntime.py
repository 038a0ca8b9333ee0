"""An ONNX file, executed by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.errors import HostError, PackageError
from mobiledeploy.parity.feeds import program_feed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.parity.runners.runner import Predict
    from mobiledeploy.records import InputSpec

__all__ = ["OnnxRuntimeRunner"]

_REMEDY = "Export the model again."
_SILENT = 4
_DTYPES = {"tensor(float16)": "float16", "tensor(double)": "float64"} | {
    f"tensor({name})": name
    for name in ("float32", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
}


class OnnxRuntimeRunner:
    """Single-threaded, so that sums are taken in one order and the result is the same in every run."""

    name = "onnxruntime"
    suffix = ".onnx"

    def open(self, path: Path, inputs: tuple[InputSpec, ...], function: str | None = None) -> Predict:
        if function is not None:
            raise PackageError(f"{path.name} has no functions to choose {function} of", where=str(path), remedy=_REMEDY)
        session = _session(path)
        dtypes = {argument.name: _DTYPES.get(argument.type, "float32") for argument in session.get_inputs()}
        _check_names(path, set(dtypes), {spec.name for spec in inputs})
        names = [argument.name for argument in session.get_outputs()]

        def predict(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            feeds = {s.name: program_feed(s, arrays[s.name]).astype(dtypes[s.name], copy=False) for s in inputs}
            values = map(np.asarray, _run(session, path, names, feeds))
            floats = (value.astype(np.float32) if value.dtype.kind == "f" else value for value in values)
            return dict(zip(names, floats, strict=True))

        return predict


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise HostError("onnxruntime is not installed", remedy="Install it: pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _SILENT
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # a dozen unrelated classes without a common base of onnxruntime's own
        reason = str(error).replace(str(path), path.name).splitlines()[0]
        raise PackageError(f"onnxruntime cannot load {path.name}: {reason}", where=str(path), remedy=_REMEDY) from None


def _run(session: Any, path: Path, names: list[str], feeds: dict[str, NDArray[Any]]) -> list[Any]:
    try:
        results: list[Any] = session.run(names, feeds)
    except Exception as error:  # as above
        reason = str(error).splitlines()[0]
        what = f"onnxruntime cannot execute {path.name}: {reason}"
        raise PackageError(what, where=str(path), remedy=_REMEDY) from None
    return results


def _check_names(path: Path, has: set[str], wanted: set[str]) -> None:
    if has != wanted:
        what = f"{path.name} takes the inputs {', '.join(sorted(has))}; the samples are for {', '.join(sorted(wanted))}"
        raise PackageError(what, where=str(path), remedy=_REMEDY)
