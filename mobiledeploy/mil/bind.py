"""From a function's records to a bound block: constants resolved, operators looked up, lifetimes known."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mobiledeploy.errors import PackageError, UnsupportedError
from mobiledeploy.mil.call import Call, Constant, carry, is_narrow, narrowed, widened
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.executor import WRONG, BoundBlock, Step
from mobiledeploy.mil.lifetimes import Lifetimes, free_names
from mobiledeploy.mil.operator import Effect, Kernel, Operator, Opset
from mobiledeploy.mil.program import Block, Function, NamedType, Operation, StateType, TensorType, Value, ValueType
from mobiledeploy.mil.registry import find_operator
from mobiledeploy.mil.size import check_memory, checked_shape

__all__ = ["bind_function"]

_FORGET_ABOVE = 2**18

_OPSETS = {
    "CoreML5": Opset.IOS15,
    "CoreML6": Opset.IOS16,
    "CoreML7": Opset.IOS17,
    "CoreML8": Opset.IOS18,
    "CoreML9": Opset.IOS26,
}


def bind_function(function: Function, *, rounds: bool) -> BoundBlock:
    """The executable form of a function. `rounds`: whether fp16 results are rounded to fp16.

    Raises UnsupportedError for an operator or operator set nobody has implemented, PackageError for a call that breaks
    its operator's contract.
    """
    opset = _OPSETS.get(function.opset)
    if opset is None:
        raise UnsupportedError(
            f"operator set {function.opset!r:.40} is unknown",
            where=f"function {function.name!r}",
            remedy=f"Known ones: {', '.join(_OPSETS)}.",
        )
    _check_inputs(function)
    return _Binder(function.name, opset, rounds).block(function.block, function.inputs)


def _check_inputs(function: Function) -> None:
    """Raises PackageError unless every input holds numbers, and every state can be made."""
    for named in function.inputs:
        kind = named.type.wrapped if isinstance(named.type, StateType) else named.type
        try:
            if not isinstance(kind, TensorType) or kind.dtype is DataType.STRING:
                raise ValueError(f"it is a {kind!s:.80}, which holds no numbers")
            if isinstance(named.type, StateType):
                checked_shape([size or 0 for size in kind.shape or ()])
        except ValueError as error:
            raise PackageError(f"input {named.name!r:.80}: {error}", remedy="Export the package again.") from None


@dataclass
class _Scope:
    """What is visible while a block is bound: types of all names, and the constants among them."""

    types: ChainMap[str, ValueType] = field(default_factory=ChainMap)
    constants: ChainMap[str, Constant] = field(default_factory=ChainMap)

    def nested(self) -> _Scope:
        """What is visible in a block inside, which may add to it for itself."""
        return _Scope(self.types.new_child(), self.constants.new_child())


class _Binder:
    def __init__(self, function: str, opset: Opset, rounds: bool) -> None:
        self._function = function
        self._opset = opset
        self._rounds = rounds

    def block(self, block: Block, inputs: Iterable[NamedType], outer: _Scope | None = None) -> BoundBlock:
        scope = outer.nested() if outer else _Scope()
        names = [named.name for named in inputs]
        scope.types.update((named.name, named.type) for named in inputs)
        free = free_names(block).difference(names) if outer else set()
        captures = tuple(sorted(name for name in free if name not in scope.constants))
        layout = _Layout((*names, *captures))
        lifetimes = Lifetimes(block, foreign=(*names, *captures))
        steps = []
        for index, operation in enumerate(block.operations):
            scope.types.update(zip(operation.outputs, operation.output_types, strict=True))
            if not self._fold(operation, scope):
                steps.append(self._step(operation, index, scope, layout, lifetimes))
        outputs = tuple(layout.output(name, scope) for name in block.outputs)
        slots = tuple(range(len(names) + len(captures)))
        shapes = tuple(_static_shape(named.type) for named in inputs)
        return BoundBlock(layout.template(), slots, outputs, tuple(steps), captures, shapes, layout.names)

    def _fold(self, operation: Operation, scope: _Scope) -> bool:
        """Evaluates `const` and the constant expressions; False for any other operator."""
        if operation.type == "const":
            if "val" not in operation.attributes or len(operation.outputs) != 1:
                raise _invalid(operation, "a constant needs a value")
            _keep(operation, (_resolve(operation.attributes["val"]),), scope)
            return True
        if not operation.type.startswith("constexpr_"):
            return False
        operator, call = self._call(operation, scope, frozenset())
        kernel = _bound(operator, call)
        try:
            value = kernel.run(*(call.constant(parameter) for parameter in kernel.operands))
            values = value if isinstance(value, tuple) else (value,)
            check_memory(sum(part.nbytes for part in values))
        except WRONG as error:
            raise _invalid(operation, _first_line(error)) from error
        if len(values) != len(operation.outputs):
            raise _invalid(operation, f"has {len(operation.outputs)} outputs, computes {len(values)}")
        for index in self._rounded(operation):
            values[index].copy_(values[index].half())
        _keep(operation, tuple(map(narrowed, values)), scope)
        return True

    def _step(self, operation: Operation, index: int, scope: _Scope, layout: _Layout, lifetimes: Lifetimes) -> Step:
        operator, call = self._call(operation, scope, lifetimes.overwritable(operation, index))
        kernel = _bound(operator, call)
        operands: list[int] = []
        for parameter in kernel.operands:
            if parameter in operation.inputs:
                operands.extend(layout.slot(name, scope) for name in operation.inputs[parameter])
            else:
                operands.append(layout.literal(_single(call, parameter), f"{operation.name}_{parameter}"))
        for block in call.blocks:
            operands.extend(layout.slot(name, scope) for name in block.captures)
        lifetimes.define(operation, operator.effect)
        results = tuple(layout.slot(name, scope) for name in operation.outputs)
        dead = tuple(layout.slot(name, scope) for name in lifetimes.ending(operation, index, layout.variables))
        rounded = self._rounded(operation) if operator.effect is Effect.ARITHMETIC else ()
        shapes = tuple(_static_shape(kind) for kind in operation.output_types)
        narrow = tuple(position for position, slot in enumerate(operands) if layout.is_narrow(slot))
        return Step(operation, kernel.run, tuple(operands), results, shapes, rounded, dead, bool(call.blocks), narrow)

    def _rounded(self, operation: Operation) -> tuple[int, ...]:
        if not self._rounds:
            return ()
        kinds = enumerate(operation.output_types)
        return tuple(i for i, kind in kinds if isinstance(kind, TensorType) and kind.dtype is DataType.FLOAT16)

    def _call(self, operation: Operation, scope: _Scope, overwritable: frozenset[str]) -> tuple[Operator, Call]:
        types = {parameter: tuple(scope.types[n] for n in names) for parameter, names in operation.inputs.items()}
        types |= {parameter: (value.type,) for parameter, value in operation.attributes.items()}
        constants: dict[str, Constant] = {key: _resolve(value) for key, value in operation.attributes.items()}
        for parameter, names in operation.inputs.items():
            if all(name in scope.constants for name in names):
                known = tuple(scope.constants[name] for name in names)
                constants[parameter] = known[0] if len(known) == 1 else known
        operator = find_operator(operation.type, self._opset, self._describe(operation, types))
        blocks = tuple(self.block(block, block.inputs, scope) for block in operation.blocks)
        return operator, Call(operation, self._opset, constants, types, overwritable, self._rounds, blocks)

    def _describe(self, operation: Operation, types: Mapping[str, tuple[ValueType, ...]]) -> str:
        arguments = ", ".join(f"{key}: {' '.join(map(str, kinds))}" for key, kinds in sorted(types.items()))
        return f"function {self._function!r}, operator {operation.name!r:.80} ({arguments:.400})"


class _Layout:
    """Which slot holds which value. `names`: of the constants, by slot."""

    def __init__(self, variables: Iterable[str]) -> None:
        self.variables: dict[str, int] = {name: slot for slot, name in enumerate(variables)}
        self.names: dict[int, str] = {}
        self._entries: list[Any] = [None] * len(self.variables)
        self._constants: dict[str, int] = {}

    def slot(self, name: str, scope: _Scope) -> int:
        if name in scope.constants:
            if name not in self._constants:
                self._constants[name] = self.literal(scope.constants[name], name)
            return self._constants[name]
        if name not in self.variables:
            self.variables[name] = len(self._entries)
            self._entries.append(None)
        return self.variables[name]

    def output(self, name: str, scope: _Scope) -> int:
        """As `slot`, but of a constant a place that holds it in its carrier type."""
        if name in scope.constants and is_narrow(scope.constants[name]):
            return self.literal(widened(scope.constants[name]), name)
        return self.slot(name, scope)

    def is_narrow(self, slot: int) -> bool:
        return is_narrow(self._entries[slot])

    def literal(self, value: Constant, name: str) -> int:
        self.names[len(self._entries)] = name
        self._entries.append(value)
        return len(self._entries) - 1

    def template(self) -> tuple[Any, ...]:
        return tuple(self._entries)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _bound(operator: Operator, call: Call) -> Kernel:
    try:
        return operator.bind(call)
    except WRONG as error:
        raise call.invalid(_first_line(error)) from error


def _single(call: Call, parameter: str) -> Constant:
    """The constant as it is held, if it is one tensor."""
    constant = call.constants.get(parameter)
    return constant if isinstance(constant, torch.Tensor) else call.constant(parameter)


def _keep(operation: Operation, values: tuple[Constant, ...], scope: _Scope) -> None:
    """Makes the constants known, once they have the declared shapes."""
    for value, kind in zip(values, operation.output_types, strict=True):
        shape = _static_shape(kind)
        if isinstance(value, torch.Tensor) and shape is not None and tuple(value.shape) != shape:
            raise _invalid(operation, f"its value has the shape {tuple(value.shape)}, declared is {shape}")
    scope.constants.update(zip(operation.outputs, values, strict=True))


def _resolve(value: Value) -> Constant:
    try:
        constant = carry(value)
    except WRONG as error:
        raise PackageError(
            f"a constant cannot be held: {_first_line(error)}", remedy="The program is not valid: export it again."
        ) from error
    # the copy takes the place of the file's pages: both together would be three times the weights
    if value.file is not None and isinstance(value.data, np.ndarray) and value.data.nbytes > _FORGET_ABOVE:
        value.file.forget()
    return constant


def _static_shape(kind: ValueType) -> tuple[int, ...] | None:
    if not isinstance(kind, TensorType) or kind.dtype is DataType.STRING or kind.shape is None or None in kind.shape:
        return None
    return tuple(size for size in kind.shape if size is not None)


def _invalid(operation: Operation, what: str) -> PackageError:
    return PackageError(
        f"{operation.type}: {what}",
        where=f"operator {operation.name!r:.80}",
        remedy="The program is not valid: export it again.",
    )
