"""Values that a model keeps between predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mobiledeploy.errors import InputError
from mobiledeploy.mil.dtype import DataType

if TYPE_CHECKING:
    from mobiledeploy.mil.program import TensorType

__all__ = ["State", "StateBuffer"]


class StateBuffer:
    """One named value, zero unless `value` is given. `value` is replaced, never written into, so that tensors read
    earlier keep their values."""

    def __init__(self, kind: TensorType, value: torch.Tensor | None = None) -> None:
        shape = tuple(size or 0 for size in kind.shape or ())
        self.kind = kind
        self.value = torch.zeros(shape, dtype=kind.dtype.carrier) if value is None else value


class State:
    """What `Model.make_state` gives and `Model.predict` takes and updates. It starts at zero."""

    def __init__(self, buffers: dict[str, StateBuffer]) -> None:
        self.buffers = buffers

    def read_state(self, name: str) -> np.ndarray:
        """A copy of the value; fp16 comes as float32. Raises InputError for an unknown name."""
        return np.array(self._buffer(name).value.numpy())

    def write_state(self, name: str, value: Any) -> None:
        """Raises InputError for an unknown name, another shape, or what holds no numbers."""
        buffer = self._buffer(name)
        tensor = _numbers(name, value).to(buffer.kind.dtype.carrier)
        if tensor.shape != buffer.value.shape:
            raise InputError(
                f"state {name!r}: its shape is {tuple(tensor.shape)}, expected {tuple(buffer.value.shape)}",
                remedy="See the model's description of its states.",
            )
        buffer.value = tensor.half().float() if buffer.kind.dtype is DataType.FLOAT16 else tensor

    def _buffer(self, name: str) -> StateBuffer:
        if name not in self.buffers:
            raise InputError(
                f"the model has no state {name!r}", remedy=f"Its states: {', '.join(self.buffers) or 'none'}."
            )
        return self.buffers[name]


def _numbers(name: str, value: Any) -> torch.Tensor:
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"state {name!r}: it holds {array.dtype}, expected numbers", remedy="Give an array of the state's shape."
        )
    return torch.from_numpy(array.astype(np.float64) if array.dtype.itemsize > 8 else array)
