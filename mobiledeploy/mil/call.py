"""One operator call at bind time: its constants resolved, its types known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import Data, Operation, TensorType, Value, ValueType
from mobiledeploy.mil.size import check_memory, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.executor import BoundBlock
    from mobiledeploy.mil.operator import Opset

__all__ = ["Call", "Constant", "carry", "is_narrow", "narrowed", "widened"]

Constant: TypeAlias = "torch.Tensor | str | tuple[Constant, ...]"

# Weights of a model in float16, twice as large in float32, would be most of the memory it takes; widening them where
# they are used is not measurable (their half is read from memory in the place of the whole). Small ones are not worth
# a call.
_NARROW_FROM = 2**14


def carry(value: Value) -> Constant:
    """A constant as the executor holds it: tensors in their carrier type, but large ones of float16 as they are (see
    `widened`), strings, tuples."""
    return _carry(value.data, value.type)


def widened(constant: Constant) -> Constant:
    """The constant in its carrier type."""
    if isinstance(constant, tuple):
        return tuple(map(widened, constant))
    return constant.float() if is_narrow(constant) and isinstance(constant, torch.Tensor) else constant


def narrowed(value: torch.Tensor) -> torch.Tensor:
    """A large float32 tensor whose values are all of float16 in float16, any other as it is."""
    if value.dtype is not torch.float32 or value.numel() < _NARROW_FROM:
        return value
    half = value.half()
    return half if torch.equal(half.float(), value) else value


def is_narrow(constant: Constant | None) -> bool:
    """Whether the constant is held in float16, and has to be widened before anything computes with it."""
    return isinstance(constant, torch.Tensor) and constant.dtype is torch.float16


def _carry(data: Data, kind: ValueType) -> Constant:
    if isinstance(data, np.ndarray) and data.dtype != object and isinstance(kind, TensorType):
        if kind.dtype is DataType.BFLOAT16:
            return torch.from_numpy((data.astype(np.uint32) << 16).view(np.float32))
        if kind.dtype is DataType.FLOAT16 and data.size >= _NARROW_FROM:
            check_memory(data.size * data.itemsize)
            return torch.from_numpy(np.array(data, dtype=np.float16, order="C"))
        check_memory(data.size * kind.dtype.carrier.itemsize)
        # always a copy in native byte order: the weight file may change under a memory map
        return torch.from_numpy(np.array(data, dtype=_NUMPY[kind.dtype.carrier], order="C"))
    return _carry_element(data)


def _carry_element(data: Data) -> Constant:
    if isinstance(data, np.ndarray):
        return tuple(map(str, data.reshape(-1))) if data.dtype == object else torch.from_numpy(np.array(data))
    return tuple(_carry_element(element) for element in data) if isinstance(data, tuple) else data


_NUMPY = {
    torch.bool: np.bool_,
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.int8: np.int8,
    torch.int16: np.int16,
    torch.int32: np.int32,
    torch.int64: np.int64,
    torch.uint8: np.uint8,
}


@dataclass(frozen=True)
class Call:
    """What an operator's semantics may know when they bind a call.

    `constants`: by parameter, those known before the run (a tuple of them for a variadic parameter with several).
    `types`: the declared types of its arguments, by parameter. `overwritable`: the parameters whose value nobody reads
    after this call and whose memory nobody shares. `rounds`: whether fp16 results are rounded. `blocks`: nested blocks.
    """

    operation: Operation
    opset: Opset
    constants: Mapping[str, Constant]
    types: Mapping[str, tuple[ValueType, ...]]
    overwritable: frozenset[str] = frozenset()
    rounds: bool = True
    blocks: tuple[BoundBlock, ...] = field(default=())

    def has(self, parameter: str) -> bool:
        """Whether the call gives the parameter at all, as a constant or as a value computed in the run."""
        return parameter in self.types

    def is_constant(self, parameter: str) -> bool:
        return parameter in self.constants

    def present(self, *parameters: str) -> tuple[str, ...]:
        """Those of the parameters that the call gives."""
        return tuple(parameter for parameter in parameters if self.has(parameter))

    def constant(self, parameter: str) -> Constant:
        """Raises PackageError if the parameter is missing or not known before the run."""
        if parameter not in self.constants:
            raise self.invalid(
                f"parameter {parameter!r} {'must be a constant' if self.has(parameter) else 'is missing'}"
            )
        return widened(self.constants[parameter])

    def tensor(self, parameter: str) -> torch.Tensor:
        """The constant tensor given for the parameter."""
        value = self.constant(parameter)
        if not isinstance(value, torch.Tensor):
            raise self.invalid(f"parameter {parameter!r} must be a tensor")
        return value

    def integers(self, parameter: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        if default is not None and not self.has(parameter):
            return default
        return tuple(int(value) for value in self.tensor(parameter).reshape(-1).tolist())

    def flags(self, parameter: str, default: tuple[bool, ...] | None = None) -> tuple[bool, ...]:
        return tuple(bool(value) for value in self.integers(parameter, default))

    def integer(self, parameter: str, default: int | None = None) -> int:
        if default is not None and not self.has(parameter):
            return default
        return int(self._scalar(parameter))

    def flag(self, parameter: str, default: bool | None = None) -> bool:
        if default is not None and not self.has(parameter):
            return default
        return bool(self._scalar(parameter))

    def number(self, parameter: str, default: float | None = None) -> float:
        """A constant scalar, exactly as the program stores it (an epsilon declared fp16 has its fp16 value)."""
        if default is not None and not self.has(parameter):
            return default
        return float(self._scalar(parameter))

    def epsilon(self, default: float, parameter: str = "epsilon") -> float:
        """A small constant added for stability; its default is held in the type of x, as the operators define it."""
        if self.has(parameter):
            return self.number(parameter)
        half = self.type("x").dtype is DataType.FLOAT16
        return float(np.float16(default)) if half else default

    def text(self, parameter: str, default: str | None = None) -> str:
        if default is not None and not self.has(parameter):
            return default
        value = self.constant(parameter)
        if not isinstance(value, str):
            raise self.invalid(f"parameter {parameter!r} must be a string")
        return value

    def choice(self, parameter: str, choices: Mapping[str, Any], default: str | None = None) -> Any:
        """What `choices` holds under the constant string given. Raises PackageError for any other string."""
        name = self.text(parameter, default)
        if name not in choices:
            raise self.invalid(f"parameter {parameter!r} is {name!r:.40}, expected one of {', '.join(choices)}")
        return choices[name]

    def type(self, parameter: str) -> TensorType:
        """The declared type of the tensor given for the parameter. Raises PackageError if there is none."""
        kinds = self.types.get(parameter)
        if not kinds or not isinstance(kinds[0], TensorType):
            raise self.invalid(f"parameter {parameter!r} must be a tensor")
        return kinds[0]

    def tensor_types(self, parameter: str) -> tuple[TensorType, ...]:
        """The declared types of all tensors given for a variadic parameter."""
        return tuple(kind for kind in self.types.get(parameter, ()) if isinstance(kind, TensorType))

    def rank(self, parameter: str) -> int:
        """The declared rank of the tensor given for the parameter. Raises PackageError where it is not declared."""
        shape = self.type(parameter).shape
        if shape is None:
            raise self.invalid(f"the rank of parameter {parameter!r} must be known")
        return len(shape)

    def output_type(self, index: int = 0) -> TensorType:
        kinds = self.operation.output_types
        kind = kinds[index] if index < len(kinds) else None
        if not isinstance(kind, TensorType):
            raise self.invalid(f"output {index} must be a tensor")
        return kind

    def expect(self, shape: Sequence[int]) -> None:
        """Raises PackageError unless this, computed from the types of the arguments, is the declared output shape, and
        of a size that can be held. Operators whose result may be larger than their arguments call it when they bind."""
        declared = self.output_type().shape
        if declared is not None and None not in declared and tuple(shape) != declared:
            raise self.invalid(f"its output has the shape {tuple(shape)}, declared is {declared}")
        try:
            checked_shape(shape)
        except ValueError as error:
            raise self.invalid(str(error)) from None

    def static_shape(self, parameter: str) -> tuple[int, ...] | None:
        """The declared shape of the tensor given for the parameter, None where it is not known before the run."""
        shape = self.type(parameter).shape
        if shape is None or None in shape:
            return None
        return tuple(size for size in shape if size is not None)

    def axis(self, parameter: str, of: str, default: int | None = None) -> int:
        """An axis of the tensor given for `of`, from 0. Raises PackageError if it has no such axis."""
        return self.axes(parameter, of, None if default is None else (default,))[0]

    def axes(self, parameter: str, of: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        rank = self.rank(of)
        values = self.integers(parameter, default)
        if not values or not all(-rank <= value < rank for value in values):
            raise self.invalid(f"parameter {parameter!r} is {values}, but {of!r} has rank {rank}")
        return tuple(value % rank for value in values)

    def invalid(self, what: str) -> PackageError:
        """The error for a call that breaks its operator's contract."""
        return PackageError(
            f"{self.operation.type}: {what}",
            where=f"operator {self.operation.name!r:.80}",
            remedy="The program is not valid: export it again.",
        )

    def _scalar(self, parameter: str) -> float:
        value = self.tensor(parameter)
        if value.numel() != 1:
            raise self.invalid(f"parameter {parameter!r} must be a scalar, not of shape {tuple(value.shape)}")
        return value.item()
