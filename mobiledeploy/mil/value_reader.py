"""Types and constants: from protobuf messages to records."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from mobiledeploy.errors import PackageError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import (
    Data,
    DictionaryType,
    ListType,
    StateType,
    TensorType,
    TupleType,
    Value,
    ValueType,
)
from mobiledeploy.mil.weights import WeightFile, unpack

__all__ = ["damaged", "read_type", "read_value"]

# Core ML refuses tensors of a higher rank; a larger one can only be damage
_MAX_RANK = 32
_MAX_SIZE = 2**40

OpenWeights = Callable[[str], WeightFile]


def damaged(what: str, where: str | None = None) -> PackageError:
    """The one error for whatever is wrong inside a program."""
    return PackageError(f"the program is damaged: {what}", where=where, remedy="Export or download the package again.")


def read_type(message: Any) -> ValueType:
    """The record of a `ValueType` message. Raises PackageError."""
    kind = message.WhichOneof("type")
    if kind == "tensorType":
        return _tensor_type(message.tensorType)
    if kind == "listType":
        return ListType(read_type(message.listType.type), _dimension(message.listType.length))
    if kind == "tupleType":
        return TupleType(tuple(read_type(element) for element in message.tupleType.types))
    if kind == "dictionaryType":
        return DictionaryType(read_type(message.dictionaryType.keyType), read_type(message.dictionaryType.valueType))
    if kind == "stateType":
        wrapped = read_type(message.stateType.wrappedType)
        if isinstance(wrapped, TensorType):
            return StateType(wrapped)
    raise damaged("a value has no type")


def _tensor_type(message: Any) -> TensorType:
    try:
        dtype = DataType(message.dataType)
    except ValueError:
        raise damaged(f"element type {message.dataType} is unknown") from None
    dimensions = message.dimensions
    if any(d.WhichOneof("dimension") == "unknown" and d.unknown.variadic for d in dimensions):
        return TensorType(dtype, None)
    if len(dimensions) != message.rank or message.rank > _MAX_RANK:
        raise damaged(f"a tensor of rank {message.rank} has {len(dimensions)} dimensions")
    kind = TensorType(dtype, tuple(_dimension(dimension) for dimension in dimensions))
    if prod(max(1, size) for size in kind.shape or () if size is not None) > _MAX_SIZE:
        raise damaged(f"a tensor of {kind} is larger than any memory")
    return kind


def _dimension(message: Any) -> int | None:
    return int(message.constant.size) if message.WhichOneof("dimension") == "constant" else None


def read_value(message: Any, open_weights: OpenWeights) -> Value:
    """The record of a `Value` message. Raises PackageError if its data do not fit its type."""
    kind = read_type(message.type)
    source = message.WhichOneof("value")
    if source == "blobFileValue":
        if not isinstance(kind, TensorType) or kind.dtype is DataType.STRING:
            raise damaged(f"a {kind!s:.80} cannot come from a weight file")
        blob = message.blobFileValue
        file = open_weights(blob.fileName)
        return Value(kind, file.array(blob.offset, kind.dtype, _static_shape(kind)), file)
    if source == "immediateValue":
        return Value(kind, _immediate(message.immediateValue, kind, open_weights))
    raise damaged("a constant has no value")


def _static_shape(kind: TensorType) -> tuple[int, ...]:
    if kind.shape is None or None in kind.shape:
        raise damaged(f"a constant of type {kind} has no fixed shape")
    return tuple(size for size in kind.shape if size is not None)


def _immediate(message: Any, kind: ValueType, open_weights: OpenWeights) -> Data:
    source = message.WhichOneof("value")
    if source == "tensor" and isinstance(kind, TensorType):
        return _tensor(message.tensor, kind)
    if source == "list" and isinstance(kind, ListType):
        return tuple(read_value(element, open_weights).data for element in message.list.values)
    if source == "tuple" and isinstance(kind, TupleType):
        return tuple(read_value(element, open_weights).data for element in message.tuple.values)
    raise damaged(f"a constant of type {kind!s:.80} is written as {source}")


def _tensor(message: Any, kind: TensorType) -> np.ndarray | str:
    shape = _static_shape(kind)
    field = message.WhichOneof("value")
    if field is None:
        raise damaged(f"a constant of type {kind} has no elements")
    elements = getattr(message, field).values
    if field == "bytes":
        values = _from_bytes(elements, kind)
    elif field == "strings":
        values = np.array(elements, dtype=object)
    else:
        values = _from_numbers(elements, kind)
    if (field == "strings") != (kind.dtype is DataType.STRING) or values.size != (kind.size or 0):
        raise damaged(f"a constant of type {kind} has {values.size} elements in field {field}")
    return str(values[0]) if field == "strings" and not shape else values.reshape(shape)


def _from_bytes(data: bytes, kind: TensorType) -> np.ndarray:
    dtype, count = kind.dtype, kind.size or 0
    if dtype is DataType.STRING:
        raise damaged("a string is written as bytes")
    if len(data) * 8 < count * dtype.bits or len(data) > count * dtype.bits // 8 + 1:
        raise damaged(f"a constant of type {kind} has {len(data)} bytes")
    if dtype.is_packed:
        return unpack(np.frombuffer(data, np.uint8), dtype, count)
    return np.frombuffer(data, dtype.storage)


def _from_numbers(elements: Any, kind: TensorType) -> np.ndarray:
    if kind.dtype is DataType.STRING:
        raise damaged("a string is written as numbers")
    try:
        # overflow is undefined in a C cast: let NumPy refuse it
        return np.array(elements, dtype=kind.dtype.storage)
    except (OverflowError, ValueError):
        raise damaged(f"a constant of type {kind} holds a number that does not fit") from None
