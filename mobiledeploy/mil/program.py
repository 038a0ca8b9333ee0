"""A program as plain frozen records, free of protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from mobiledeploy.mil.dtype import DataType
    from mobiledeploy.mil.weights import WeightFile

__all__ = [
    "Block",
    "Data",
    "DictionaryType",
    "Function",
    "ListType",
    "NamedType",
    "Operation",
    "Program",
    "StateType",
    "TensorType",
    "TupleType",
    "Value",
    "ValueType",
]


@dataclass(frozen=True)
class TensorType:
    """`shape`: one size per axis, None where it is not known before the run; None as a whole when the rank is not."""

    dtype: DataType
    shape: tuple[int | None, ...] | None = ()

    @property
    def size(self) -> int | None:
        """The number of elements, None where it is not known before the run."""
        if self.shape is None:
            return None
        known = [size for size in self.shape if size is not None]
        return prod(known) if len(known) == len(self.shape) else None

    def __str__(self) -> str:
        sizes = "*" if self.shape is None else ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype.spelling}({sizes})"


@dataclass(frozen=True)
class ListType:
    element: ValueType
    length: int | None

    def __str__(self) -> str:
        return f"list({self.element}, {'?' if self.length is None else self.length})"


@dataclass(frozen=True)
class TupleType:
    elements: tuple[ValueType, ...]

    def __str__(self) -> str:
        return f"tuple({', '.join(map(str, self.elements))})"


@dataclass(frozen=True)
class DictionaryType:
    key: ValueType
    value: ValueType

    def __str__(self) -> str:
        return f"dict({self.key}, {self.value})"


@dataclass(frozen=True)
class StateType:
    wrapped: TensorType

    def __str__(self) -> str:
        return f"state({self.wrapped})"


ValueType: TypeAlias = TensorType | ListType | TupleType | DictionaryType | StateType

Data: TypeAlias = "np.ndarray | str | tuple[Data, ...]"


@dataclass(frozen=True, eq=False)
class Value:
    """A constant. `data` of a tensor is an array of the declared shape and storage type (a view of the weight file
    where it lives there), a string for a scalar string; of a list or tuple, the data of its elements. `file`: the
    weight file that it is a view of."""

    type: ValueType
    data: Data
    file: WeightFile | None = None


@dataclass(frozen=True)
class NamedType:
    name: str
    type: ValueType


@dataclass(frozen=True, eq=False)
class Operation:
    """One operator call.

    `inputs`: the names of the values it reads, by parameter (several for a variadic one). `attributes`: the constants
    written into the call itself, by parameter. `outputs`, `output_types`: what it defines. `blocks`: its nested blocks.
    """

    type: str
    name: str
    inputs: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Value]
    outputs: tuple[str, ...]
    output_types: tuple[ValueType, ...]
    blocks: tuple[Block, ...] = ()

    def __str__(self) -> str:
        return f"{self.type} {self.name!r}"


@dataclass(frozen=True, eq=False)
class Block:
    inputs: tuple[NamedType, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, eq=False)
class Function:
    """`opset`: the operator set as the program names it, e.g. "CoreML6"."""

    name: str
    inputs: tuple[NamedType, ...]
    opset: str
    block: Block


@dataclass(frozen=True, eq=False)
class Program:
    functions: Mapping[str, Function] = field(default_factory=dict)
