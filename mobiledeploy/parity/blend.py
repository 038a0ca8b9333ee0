"""One program in two precisions, operator by operator next to each other.

    half    x ──cast──▶ conv16 ──▶ relu16 ──▶ matmul16 ──cast──▶ y     as a converter makes it in float16
    full    x ────────▶ conv32 ──▶ relu32 ──▶ matmul32 ────────▶ y     the same in float32

The two differ in the types of their values, in their weights, and in casts between floating types, nothing else.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import Function, Operation, TensorType, Value

if TYPE_CHECKING:
    from mobiledeploy.mil.program import Block, ValueType

__all__ = ["Blend", "Pair", "Side", "blend_of", "dtype_of", "is_constant", "widened"]

# What coremltools never types float16 by choice (`FP16ComputePrecision._UNSUPPORTED_FP16_OPS`).
_FIXED = {"cast", "cond", "coreml_update_state", "read_state", "while_loop"}


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two programs. `names`: of each of its variables, the name that both share, which is `full`'s; a cast
    between floating types has that of its source. `types`: of all values. `constants`: what makes each constant."""

    function: Function
    names: Mapping[str, str]
    types: Mapping[str, ValueType]
    constants: Mapping[str, Operation]


@dataclass(frozen=True, eq=False)
class Pair:
    """An operator in both precisions. `name`: of its first value in `full`, by which it is known. `chooses`: whether
    there is a choice: it is float16 in one and float32 in the other. `follows`: it is that, too, but nobody is asked:
    a converter puts it in after the types are settled, as transposes, in the type of what it reads. `forced`: whether
    it is float32 in both, as where a constant is beyond float16's range."""

    name: str
    half: Operation
    full: Operation
    chooses: bool
    follows: bool = False

    @property
    def forced(self) -> bool:
        floating = any(dtype_of(kind) is DataType.FLOAT32 for kind in self.half.output_types)
        return floating and not self.chooses and not self.follows and self.half.type not in _FIXED


@dataclass(frozen=True, eq=False)
class Blend:
    half: Side
    full: Side
    pairs: tuple[Pair, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """The names of the operators that can be kept in float32, in the order of the program."""
        return tuple(pair.name for pair in self.pairs if pair.chooses)


def blend_of(half: Function, full: Function, selectable: Container[str] | None = None) -> Blend:
    """`selectable`: the operators that can be kept by their names, None for all.

    Raises UnsupportedError where the two programs have different operators.
    """
    pairs = _pairs(half, full)
    names = {shared: shared for shared in (named.name for named in full.inputs)}
    own = {other.name: named.name for other, named in zip(half.inputs, full.inputs, strict=True)}
    for one, other in pairs:
        own.update(zip(one.outputs, other.outputs, strict=True))
        names.update({name: name for name in other.outputs})
    sides = _side(half, own), _side(full, names)
    made = []
    for one, other in pairs:
        name, differs = other.outputs[0], _differs(one, other, sides)
        asked = selectable is None or name in selectable
        made.append(Pair(name, one, other, chooses=differs and asked, follows=differs and not asked))
    return Blend(*sides, tuple(made))


def widened(function: Function) -> Function:
    """The program with every float16 value in float32, weights as they are; its inputs keep their types."""
    return replace(function, block=replace(function.block, operations=tuple(map(_wide, function.block.operations))))


def is_constant(operation: Operation) -> bool:
    return operation.type == "const" or operation.type.startswith("constexpr_")


def dtype_of(kind: ValueType | None) -> DataType | None:
    """The element type of a tensor, None for anything else."""
    return kind.dtype if isinstance(kind, TensorType) else None


def _pairs(half: Function, full: Function) -> list[tuple[Operation, Operation]]:
    ones, others = _working(half), _working(full)
    kinds = [[(o.type, len(o.outputs)) for o in operations] for operations in (ones, others)]
    if kinds[0] != kinds[1] or len(half.inputs) != len(full.inputs):
        raise UnsupportedError(
            "the program has other operators in float16 than in float32, so that they cannot be held side by side",
            remedy="Use --precision float32.",
        )
    return list(zip(ones, others, strict=True))


def _working(function: Function) -> list[Operation]:
    types = _types(function)
    operations = function.block.operations
    return [o for o in operations if not is_constant(o) and not _is_float_cast(o, types)]


def _types(function: Function) -> dict[str, ValueType]:
    types = {named.name: named.type for named in function.inputs}
    for operation in function.block.operations:
        types.update(zip(operation.outputs, operation.output_types, strict=True))
    return types


def _is_float_cast(operation: Operation, types: Mapping[str, ValueType]) -> bool:
    if operation.type != "cast":
        return False
    (source,) = operation.inputs["x"]
    kinds = (dtype_of(types[source]), dtype_of(operation.output_types[0]))
    return all(kind is not None and kind.is_float for kind in kinds)


def _side(function: Function, names: dict[str, str]) -> Side:
    types = _types(function)
    for operation in function.block.operations:
        source = operation.inputs["x"][0] if _is_float_cast(operation, types) else None
        if source in names:
            names[operation.outputs[0]] = names[source]
    constants = {name: o for o in function.block.operations if is_constant(o) for name in o.outputs}
    return Side(function, names, types, constants)


def _differs(half: Operation, full: Operation, sides: tuple[Side, Side]) -> bool:
    """Whether a value that it reads or gives is float16 on one side only."""
    if half.type in _FIXED or half.blocks:
        return False
    read = zip(_read(half), _read(full), strict=False)
    kinds = [(sides[0].types[one], sides[1].types[other]) for one, other in read]
    kinds += zip(half.output_types, full.output_types, strict=True)
    return any(dtype_of(one) is DataType.FLOAT16 and dtype_of(other) is DataType.FLOAT32 for one, other in kinds)


def _read(operation: Operation) -> list[str]:
    """The values it reads, in an order that both sides share."""
    return [name for parameter in sorted(operation.inputs) for name in operation.inputs[parameter]]


def _wide(operation: Operation) -> Operation:
    if operation.type in _FIXED - {"cast", "cond", "while_loop"}:
        return operation
    if operation.type == "cast" and dtype_of(operation.output_types[0]) is DataType.FLOAT16:
        text = Value(TensorType(DataType.STRING), DataType.FLOAT32.spelling)
        operation = replace(operation, inputs={"x": operation.inputs["x"]}, attributes={"dtype": text})
    constant = is_constant(operation)
    return replace(
        operation,
        attributes={k: _wide_value(v) if constant else v for k, v in operation.attributes.items()},
        output_types=tuple(map(_wide_type, operation.output_types)),
        blocks=tuple(map(_wide_block, operation.blocks)),
    )


def _wide_block(block: Block) -> Block:
    inputs = tuple(replace(named, type=_wide_type(named.type)) for named in block.inputs)
    return replace(block, inputs=inputs, operations=tuple(map(_wide, block.operations)))


def _wide_value(value: Value) -> Value:
    return replace(value, type=_wide_type(value.type))


def _wide_type(kind: ValueType) -> ValueType:
    if isinstance(kind, TensorType) and kind.dtype is DataType.FLOAT16:
        return TensorType(DataType.FLOAT32, kind.shape)
    return kind
