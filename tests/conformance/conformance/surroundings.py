"""Makes coremltools' tests believe that they run on a Mac which predicts, in the process that this is called in.

`enable_coremltools_predict` gives coremltools the executor; the rest here is about its tests only, which ask for the
system on which they run before they predict.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import platform
from collections.abc import Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np

from conformance.recorder import Predicted, Recorder

__all__ = ["Surroundings", "import_heavy"]

_MACOS = (26, 0)


def import_heavy() -> None:
    """What every process needs, imported once before they are forked. The system is not asked for yet."""
    # progress bars of coremltools' passes: no part of a log
    os.environ["TQDM_DISABLE"] = "1"
    # each case in both precisions; coremltools' own default is fp16 alone
    os.environ["INCLUDE_MIL_FP32_UNIT_TESTS"] = "1"
    import torch

    for name in ("coremltools", "mobiledeploy.mil"):
        importlib.import_module(name)
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    torch.set_num_threads(1)


class Surroundings:
    """`precision`: how programs that are made from now on are executed, "declared" or "float32"."""

    def __init__(self, recorder: Recorder) -> None:
        import_heavy()
        from mobiledeploy.mil import enable_coremltools_predict

        enable_coremltools_predict(force=True)
        self.precision = "declared"
        self._recorder = recorder
        self._seem_a_mac()
        self._record_predictions()
        recorder.watch_numpy()
        _validate_once()
        _export_for_cpus()
        # coremltools collects around every conversion, which takes most of the time; the usual thresholds stay
        gc.collect = lambda *_: 0  # type: ignore[assignment]

    def _seem_a_mac(self) -> None:
        import coremltools._deps as deps
        from coremltools.models import utils

        deps._IS_MACOS = True
        utils._is_macos = lambda: True
        utils._macos_version = lambda: _MACOS
        # on Intel Macs the suites leave out what is broken there, and torch.export
        platform.machine = lambda: "arm64"
        # imported after the three lines above, which it copies
        from coremltools.converters.mil import testing_utils

        testing_utils.compare_backend = self._recorder.watch_backend(testing_utils.compare_backend)

    def _record_predictions(self) -> None:
        from coremltools.models import _compiled_model, model

        surroundings, recorder, proxy = self, self._recorder, model._MLModelProxy

        class Recorded(proxy):  # type: ignore[misc, valid-type]
            def __init__(self, path: str, *args: Any) -> None:
                self.precision = surroundings.precision
                try:
                    super().__init__(path, *args)
                except Exception:
                    recorder.tally.refused += 1
                    raise
                recorder.tally.half |= _holds_half(path)

            def predict(self, inputs: Mapping[str, Any], state: Any = None) -> dict[str, Any]:
                recorder.tally.predictions += 1
                outputs = super().predict(inputs, state)
                return {name: _marked(value) for name, value in outputs.items()}

        model._MLModelProxy = _compiled_model._MLModelProxy = Recorded


def _validate_once() -> None:
    """coremltools validates a program after every pass, which takes a quarter of the time. Before and after all of
    them is enough: nothing is changed by it."""
    from coremltools.converters.mil.mil import Program
    from coremltools.converters.mil.mil.passes.pass_pipeline import PassPipelineManager

    validate, apply = Program.validate, PassPipelineManager.apply_pipeline

    @wraps(apply)
    def quickly(*args: Any, **kwargs: Any) -> Any:
        Program.validate = _nothing
        try:
            return apply(*args, **kwargs)
        finally:
            Program.validate = validate

    PassPipelineManager.apply_pipeline = staticmethod(quickly)


def _export_for_cpus() -> None:
    """torch.export prepares its operators for the processors of nine makers and looks for new operators on every call,
    which takes two thirds of the time of a case."""
    from torch._export import utils
    from torch.export import exported_program

    for name in ("_AUTOGRAD_ALIAS_BACKEND_KEYS_TO_OVERRIDE", "_BACKEND_KEYS_TO_OVERRIDE"):
        keys = getattr(exported_program, name)
        setattr(exported_program, name, [key for key in keys if key.name.removeprefix("Autograd") in ("CPU", "Meta")])
    utils._materialize_cpp_cia_ops = cache(utils._materialize_cpp_cia_ops)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _marked(value: Any) -> Any:
    return value.view(Predicted) if isinstance(value, np.ndarray) else value


def _holds_half(path: str) -> bool:
    """Whether any value of the program is fp16, as its specification says."""
    import coremltools as ct

    folder = Path(path)
    if not folder.is_dir():
        return False
    specification = next(folder.rglob("*.mlmodel"))
    model = ct.proto.Model_pb2.Model()
    model.ParseFromString(specification.read_bytes())
    return any(
        any(_is_half(named.type) for named in function.inputs)
        or any(map(_block_holds_half, function.block_specializations.values()))
        for function in model.mlProgram.functions.values()
    )


def _block_holds_half(block: Any) -> bool:
    return any(
        any(_is_half(output.type) for output in operation.outputs) or any(map(_block_holds_half, operation.blocks))
        for operation in block.operations
    )


def _is_half(kind: Any) -> bool:
    import coremltools as ct

    tensor = kind.stateType.wrappedType.tensorType if kind.HasField("stateType") else kind.tensorType
    return bool(tensor.dataType == ct.proto.MIL_pb2.DataType.FLOAT16)
