"""ML Program messages (MIL.proto): read constants and types, build operations the way coremltools writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mobiledeploy.targets.coreml_library import ct

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_blobs import BlobFile

__all__ = ["FLOAT16", "Shape", "array_of", "constant", "dtype_of", "operation", "set_tensor_type", "shape_of"]

Shape: TypeAlias = tuple[int | None, ...]
"""One size per axis, None where it depends on the input."""

# Values of MIL.proto's enum DataType.
FLOAT16 = 10
_DTYPES: dict[int, Any] = {
    1: np.bool_,
    FLOAT16: np.float16,
    11: np.float32,
    21: np.int8,
    22: np.int16,
    23: np.int32,
    31: np.uint8,
    32: np.uint16,
}
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_STRING = 2


def dtype_of(value_type: Any) -> int:
    """The element type of a tensor's ValueType, 0 for what is no tensor."""
    return int(value_type.tensorType.dataType)


def shape_of(value_type: Any) -> Shape:
    """The sizes of a tensor's ValueType."""
    axes = value_type.tensorType.dimensions
    return tuple(axis.constant.size if axis.HasField("constant") else None for axis in axes)


def set_tensor_type(value_type: Any, dtype: int, shape: Shape) -> None:
    tensor = value_type.tensorType
    tensor.dataType, tensor.rank = dtype, len(shape)
    tensor.ClearField("dimensions")
    for size in shape:
        axis = tensor.dimensions.add()
        if size is None:
            axis.unknown.SetInParent()
        else:
            axis.constant.size = size


def array_of(value: Any, blobs: BlobFile | None) -> np.ndarray | None:
    """A constant Value as an array, None for a string or a list."""
    dtype = _DTYPES.get(dtype_of(value.type)) if value.type.HasField("tensorType") else None
    if dtype is None:
        return None
    shape = tuple(size for size in shape_of(value.type) if size is not None)
    if value.HasField("blobFileValue"):
        assert blobs is not None, "a blob needs its file"
        return np.frombuffer(blobs.blob(value.blobFileValue.offset)[2], dtype).reshape(shape)
    tensor = value.immediateValue.tensor
    kind = tensor.WhichOneof("value")
    content: Any = getattr(tensor, kind).values if kind else ()
    flat = np.frombuffer(content, dtype) if kind == "bytes" else np.array(content, dtype)
    return flat.reshape(shape)


def constant(name: str, array: np.ndarray) -> Any:
    """The `const` operation of an int32, bool, float16 or float32 array."""
    made = operation("const", name, {}, _CODES[array.dtype], array.shape)
    value = made.attributes["val"]
    set_tensor_type(value.type, _CODES[array.dtype], array.shape)
    tensor = value.immediateValue.tensor
    if array.dtype == np.float16:
        tensor.bytes.values = array.astype("<f2").tobytes()
    else:
        field = {"i": tensor.ints, "f": tensor.floats, "b": tensor.bools}[array.dtype.kind]
        field.values.extend(array.reshape(-1).tolist())
    return made


def operation(kind: str, name: str, inputs: Mapping[str, Sequence[str]], dtype: int, shape: Shape) -> Any:
    """An operation with one tensor as its output, called `name` like itself; `inputs`: value names by parameter."""
    made = ct.proto.MIL_pb2.Operation(type=kind)
    for parameter, names in inputs.items():
        made.inputs[parameter].arguments.extend(ct.proto.MIL_pb2.Argument.Binding(name=n) for n in names)
    set_tensor_type(made.outputs.add(name=name).type, dtype, shape)
    label = made.attributes["name"]
    label.type.tensorType.dataType = _STRING
    label.immediateValue.tensor.strings.values.append(name)
    return made
