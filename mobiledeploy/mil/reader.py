"""Programs: from the bytes of a model specification to records, with every name and weight checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from mobiledeploy.errors import MobileDeployError, PackageError
from mobiledeploy.mil.model_format import PIPELINES, not_a_program
from mobiledeploy.mil.program import Block, Function, NamedType, Operation, Program, TupleType, Value
from mobiledeploy.mil.schema import message_class
from mobiledeploy.mil.value_reader import damaged, read_type, read_value
from mobiledeploy.mil.weights import WeightFile

if TYPE_CHECKING:
    from mobiledeploy.mil.package import Package

__all__ = ["parse_any_model", "parse_model", "read_program"]


def parse_model(data: bytes, where: str) -> Any:
    """The `Model` message in `data`: an ML Program or a pipeline.

    Raises PackageError if there is none, UnsupportedError for another format.
    """
    model = parse_any_model(data, where)
    kind = model.WhichOneof("Type")
    if kind != "mlProgram" and kind not in PIPELINES:
        raise not_a_program(kind, where)
    return model


def parse_any_model(data: bytes, where: str) -> Any:
    """The `Model` message in `data`, of whatever type: its description can be read even where nothing here executes
    it. Raises PackageError if there is none."""
    model = message_class("Model")()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise PackageError(
            "the model specification cannot be parsed", where=where, remedy="Export or download the package again."
        ) from None
    if model.WhichOneof("Type") is None:
        raise PackageError("the file holds no model", where=where, remedy="Is this an .mlpackage or .mlmodel?")
    return model


def read_program(message: Any, package: Package) -> Program:
    """The record of a `Program` message; weights stay in their memory-mapped files.

    Raises PackageError naming the function and operation where something is undefined, defined twice or damaged.
    """
    reader = _Reader(package)
    return Program({name: reader.function(name, body) for name, body in message.functions.items()})


class _Reader:
    def __init__(self, package: Package) -> None:
        self._package = package
        self._files: dict[str, WeightFile] = {}

    def function(self, name: str, message: Any) -> Function:
        block = message.block_specializations.get(message.opset)
        if block is None:
            raise damaged(f"no block for operator set {message.opset!r:.40}", f"function {name!r:.80}")
        inputs = _named_types(message.inputs)
        names: set[str] = set()
        _define(names, [named.name for named in inputs], f"function {name!r:.80}")
        return Function(name, inputs, message.opset, self.block(block, names))

    def block(self, message: Any, names: set[str]) -> Block:
        """`names`: those visible to the block; afterwards again as before."""
        inputs = _named_types(message.inputs)
        _define(names, [named.name for named in inputs], "block inputs")
        operations = tuple(self.operation(operation, names) for operation in message.operations)
        _require(names, message.outputs, "block outputs")
        # a name may be used again in a sibling block, never in a nested one
        names.difference_update(named.name for named in inputs)
        for operation in operations:
            names.difference_update(operation.outputs)
        return Block(inputs, tuple(message.outputs), operations)

    def operation(self, message: Any, names: set[str]) -> Operation:
        attributes = {key: self.value(value) for key, value in message.attributes.items()}
        name = attributes.pop("name", None)
        label = name.data if name is not None and isinstance(name.data, str) else ""
        where = f"operator {message.type!r:.80}, {label!r:.80}"
        try:
            inputs = self._inputs(message.inputs, attributes, names)
            blocks = tuple(self.block(block, names) for block in message.blocks)
            outputs = _named_types(message.outputs)
            _define(names, [output.name for output in outputs], "outputs")
        except MobileDeployError as error:
            if error.where is None or error.where in ("outputs", "inputs"):
                raise damaged(error.what.removeprefix("the program is damaged: "), where) from None
            raise
        return Operation(
            message.type,
            label,
            inputs,
            attributes,
            tuple(output.name for output in outputs),
            tuple(output.type for output in outputs),
            blocks,
        )

    def _inputs(self, message: Any, attributes: dict[str, Value], names: set[str]) -> Mapping[str, tuple[str, ...]]:
        inputs = {}
        for parameter, argument in message.items():
            bindings = argument.arguments
            kinds = {binding.WhichOneof("binding") for binding in bindings}
            if kinds <= {"name"}:
                _require(names, [binding.name for binding in bindings], "inputs")
                inputs[parameter] = tuple(binding.name for binding in bindings)
            elif kinds == {"value"}:
                attributes[parameter] = _tuple([self.value(binding.value) for binding in bindings])
            else:
                raise damaged(f"the argument {parameter!r:.40} mixes names and constants")
        return inputs

    def value(self, message: Any) -> Value:
        return read_value(message, self._weights)

    def _weights(self, name: str) -> WeightFile:
        if name not in self._files:
            self._files[name] = WeightFile(self._package.weight_file(name), name)
        return self._files[name]


def _tuple(values: list[Value]) -> Value:
    """One constant, or several of a variadic argument as one."""
    if len(values) == 1:
        return values[0]
    return Value(TupleType(tuple(value.type for value in values)), tuple(value.data for value in values))


def _named_types(messages: Any) -> tuple[NamedType, ...]:
    return tuple(NamedType(message.name, read_type(message.type)) for message in messages)


def _define(names: set[str], new: list[str], where: str) -> None:
    for name in new:
        if name in names or not name:
            raise damaged(f"the name {name!r:.80} is defined twice" if name else "a value has no name", where)
        names.add(name)


def _require(names: set[str], used: Any, where: str) -> None:
    for name in used:
        if name not in names:
            raise damaged(f"the name {name!r:.80} is used before it is defined", where)
