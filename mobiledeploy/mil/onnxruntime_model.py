"""A model that onnxruntime computes: the program is lowered to an ONNX graph once for each shape of its inputs.

Precision is that of the model: "declared" keeps every rounding to fp16 as a pair of Casts, which onnxruntime obeys and
fuses nothing across; "float32" leaves it free to fuse. Either way sums are taken in another order than torch's, so that
single roundings fall to the other side.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.errors import HostError, InputError, PackageError, UnsupportedError
from mobiledeploy.mil.model import Model
from mobiledeploy.mil.onnx_graph import onnx_bytes
from mobiledeploy.mil.ops.classification import Classification
from mobiledeploy.mil.program import TensorType

if TYPE_CHECKING:
    from mobiledeploy.mil.description import Interface
    from mobiledeploy.mil.executor import Listener
    from mobiledeploy.mil.program import Function
    from mobiledeploy.mil.state import StateBuffer

__all__ = ["OnnxRuntimeModel"]

# each shape has a session, and each session its own weights
_MOST_SESSIONS = 8
_SILENT = 4


class OnnxRuntimeModel(Model):
    """As `Model`, computed by onnxruntime on as many threads as torch uses when it is lowered; without listeners.

    A program whose inputs have one shape is lowered here, which takes seconds; one of several shapes at the first
    prediction for each, of which the eight used last are kept.

    Raises UnsupportedError for what has no form in ONNX, HostError where onnxruntime is not installed.
    """

    def __init__(self, interface: Interface, function: Function, *, rounds: bool) -> None:
        super().__init__(interface, function, rounds=rounds)
        module = self.as_module()
        self._input_names, self._state_names = module.input_names, module.state_names
        self._output_names = module.output_names
        self._labels, self._label_outputs = module.labels, module.label_outputs
        self._sessions: OrderedDict[tuple[torch.Size, ...], Any] = OrderedDict()
        kinds = [named.type for named in function.inputs if isinstance(named.type, TensorType)]
        if all(kind.size is not None for kind in kinds):
            self._session((*module.example_inputs(), *module.initial_states()))

    def _execute(self, arguments: Sequence[Any], listener: Listener | None) -> Sequence[Any]:
        if listener is not None:
            raise InputError("onnxruntime calls no listener", remedy="Load the package with backend='torch'.")
        given = dict(zip((named.name for named in self.function.inputs), arguments, strict=True))
        states: list[StateBuffer] = [given[name] for name in self._state_names]
        values = [given[name] for name in self._input_names] + [buffer.value for buffer in states]
        session = self._session(values)
        feeds = {taken.name: value.numpy() for taken, value in zip(session.get_inputs(), values, strict=True)}
        try:
            results = [torch.from_numpy(result) for result in session.run(None, feeds)]
        except Exception as error:  # a dozen unrelated classes without a common base of onnxruntime's own
            raise PackageError(
                f"Unable to compute the prediction using ML Program: onnxruntime: {_first_line(error)}",
                remedy="Load it with backend='torch', which names the operator.",
            ) from None
        outputs, written = results[: len(self._output_names)], results[len(self._output_names) :]
        for buffer, value in zip(states, written, strict=True):
            buffer.value = value
        return self._labelled(outputs)

    def _session(self, values: Sequence[torch.Tensor]) -> Any:
        """The session for values of these shapes."""
        key = tuple(value.shape for value in values)
        if key not in self._sessions:
            # the module's constants are needed for this only, the session has its own
            self._sessions[key] = _open(onnx_bytes(self.as_module(), values))
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        return self._sessions[key]

    def _labelled(self, outputs: list[Any]) -> list[Any]:
        """The label and the probabilities by label in the places of their tensors."""
        if self._labels is not None and self._label_outputs is not None:
            label, probabilities = map(self._output_names.index, self._label_outputs)
            named = Classification(self._labels).named(int(outputs[label]), outputs[probabilities].tolist())
            outputs[label], outputs[probabilities] = named
        return outputs


def _open(graph: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise HostError("onnxruntime is not installed", remedy="Install it: pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _SILENT
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise UnsupportedError(
            f"onnxruntime cannot execute the program: {_first_line(error)}",
            remedy="Load it with backend='torch', which executes every operator.",
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
