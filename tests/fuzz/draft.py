"""Programs written by hand, message by message: what no converter would write."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.schema import message_class

FLOAT, INT, BOOL, STRING = DataType.FLOAT32, DataType.INT32, DataType.BOOL, DataType.STRING
# a size per axis, None where it is not known before the run
Shape = Sequence[int | None]
Output = tuple[str, Shape, DataType]

_FIELDS = {FLOAT: "floats", INT: "ints", BOOL: "bools", STRING: "strings"}
_ELEMENTS = {DataType.FLOAT16: 1, FLOAT: 2, DataType.UINT8: 3}


def set_type(message: Any, shape: Shape, dtype: DataType = FLOAT) -> None:
    """Makes a `ValueType` message that of a tensor."""
    message.tensorType.dataType, message.tensorType.rank = dtype.value, len(shape)
    for size in shape:
        dimension = message.tensorType.dimensions.add()
        if size is None:
            dimension.unknown.variadic = False
        else:
            dimension.constant.size = size


def set_value(message: Any, given: Any) -> None:
    """Makes a `Value` message of a Python number, truth value, string or list of one kind."""
    many = isinstance(given, list)
    first = (given if given else [0]) if many else [given]
    dtype = next(
        d for kind, d in ((bool, BOOL), (int, INT), (float, FLOAT), (str, STRING)) if isinstance(first[0], kind)
    )
    set_type(message.type, [len(given)] if many else [], dtype)
    getattr(message.immediateValue.tensor, _FIELDS[dtype]).values.extend(given if many else [given])


class Draft:
    """One function "main" with the float32 input `x`. Its operators refer to values by name; constants stand in the
    calls. `block`: where operators go; a nested one can be drafted by another Draft."""

    def __init__(self, shape: Shape = (4,), opset: str = "CoreML8", block: Any = None) -> None:
        self.model = message_class("Model")()
        self.function = self.model.mlProgram.functions["main"]
        self.function.opset = opset
        self.block = self.function.block_specializations[opset] if block is None else block
        if block is None:
            self.add_input("x", shape)

    def add_input(self, name: str, shape: Shape) -> Any:
        """A described input; its feature."""
        given = self.function.inputs.add(name=name)
        set_type(given.type, shape)
        feature = self.model.description.input.add(name=name)
        feature.type.multiArrayType.shape.extend(size or 1 for size in shape)
        feature.type.multiArrayType.dataType = 65568
        return feature

    def add(self, kind: str, /, *outputs: Output, **arguments: Any) -> Any:
        """An operator. An argument is a name ("%x"), a list of names, or a constant."""
        operation = self.block.operations.add(type=kind)
        for parameter, given in arguments.items():
            argument = operation.inputs[parameter]
            names = given if isinstance(given, list) and given and str(given[0]).startswith("%") else [given]
            for name in names:
                if isinstance(name, str) and name.startswith("%"):
                    argument.arguments.add(name=name[1:])
                else:
                    set_value(argument.arguments.add().value, name)
        for name, shape, dtype in outputs:
            set_type(operation.outputs.add(name=name).type, shape, dtype)
        return operation

    def blob(self, name: str, shape: Shape, dtype: DataType, offset: int = 64) -> None:
        """A constant from the weight file."""
        value = self.add("const", (name, shape, dtype)).attributes["val"]
        set_type(value.type, shape, dtype)
        value.blobFileValue.fileName, value.blobFileValue.offset = "@model_path/weights/weight.bin", offset

    def returns(self, *names: str) -> Draft:
        self.block.outputs.extend(names)
        for name in names:
            self.model.description.output.add(name=name).type.multiArrayType.dataType = 65568
        return self

    def write(self, folder: Path) -> Path:
        return write_package(folder, self.model.SerializeToString())


def write_package(folder: Path, model: bytes, manifest: str | None = None) -> Path:
    """A package folder around the bytes of a model."""
    inner = folder / "hostile.mlpackage" / "Data" / "com.apple.CoreML"
    (inner / "weights").mkdir(parents=True)
    (inner / "model.mlmodel").write_bytes(model)
    document = {"itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"}}, "rootModelIdentifier": "A"}
    package = folder / "hostile.mlpackage"
    (package / "Manifest.json").write_text(json.dumps(document) if manifest is None else manifest)
    return package


def write_weights(package: Path, count: int, dtype: DataType) -> None:
    """A weight file of one blob of `count` zeros at offset 64, a hole on the disk."""
    size = count * dtype.bits // 8
    with (package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin").open("wb") as file:
        file.write(struct.pack("<II", 1, 2).ljust(64, b"\0"))
        file.write(struct.pack("<IIQQQ", 0xDEADBEEF, _ELEMENTS[dtype], size, 128, 0).ljust(64, b"\0"))
        file.truncate(128 + size)
