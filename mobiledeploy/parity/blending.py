"""A mixture of the two precisions of a program, as a program of its own.

    x ──conv16──▶ ──relu16──▶ cast ──matmul32──▶ y       with the matmul kept in float32

An operator that is kept computes with float32 weights and gives float32 values; any other has the weights and types of
the float16 program. Casts stand where a value goes from one to the other, one per value, as coremltools puts them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.lifetimes import free_names
from mobiledeploy.mil.program import Block, Function, Operation, TensorType, Value
from mobiledeploy.parity.blend import dtype_of

if TYPE_CHECKING:
    from mobiledeploy.parity.blend import Blend, Pair, Side

__all__ = ["blended"]

_HALF, _FULL = DataType.FLOAT16, DataType.FLOAT32


def blended(blend: Blend, kept: Container[str]) -> Function:
    """The program with the operators named in `kept` in float32 and every other one as in the float16 program."""
    writer = _Writer(blend)
    for pair in blend.pairs:
        rounded = pair.name not in kept if pair.chooses else pair.follows and not writer.reads_full(pair)
        writer.add(pair.half if rounded else pair.full, pair, blend.half if rounded else blend.full)
    return writer.finish()


class _Writer:
    """The operators so far. `versions`: by a value's shared name, under which name it is there in which type."""

    def __init__(self, blend: Blend) -> None:
        self.blend = blend
        self.operations: list[Operation] = []
        self.versions = {named.name: {dtype_of(named.type): named.name} for named in blend.full.function.inputs}
        self.taken = set(self.versions)
        self.full: set[str] = set()

    def reads_full(self, pair: Pair) -> bool:
        """Whether an operator in float32 makes what it reads."""
        names = self.blend.full.names
        return any(names.get(name) in self.full for read in pair.full.inputs.values() for name in read)

    def add(self, operation: Operation, pair: Pair, side: Side) -> None:
        inputs = {key: tuple(self._read(side, name) for name in names) for key, names in operation.inputs.items()}
        free = sorted({name for block in operation.blocks for name in free_names(block)})
        inner = {name: self._read(side, name) for name in free}
        blocks = tuple(_renamed(block, inner) for block in operation.blocks)
        kinds = list(map(dtype_of, operation.output_types))
        outputs = tuple(self._define(name, kind) for name, kind in zip(pair.full.outputs, kinds, strict=True))
        for name, kind, written in zip(pair.full.outputs, kinds, outputs, strict=True):
            self.versions[name] = {kind: written}
            if kind is _FULL:
                self.full.add(name)
        self.operations.append(replace(operation, inputs=inputs, outputs=outputs, blocks=blocks))

    def finish(self) -> Function:
        full = self.blend.full
        for name in full.function.block.outputs:
            read = self._read(full, name)
            if read != name:
                self.operations.append(Operation("identity", name, {"x": (read,)}, {}, (name,), (full.types[name],)))
        return replace(full.function, block=replace(full.function.block, operations=tuple(self.operations)))

    def _read(self, side: Side, name: str) -> str:
        """The name here of what `side` calls `name`, made on the way if it is a constant or another type of a value."""
        if name in side.constants:
            return self._constant(side, name)
        return self._version(side.names[name], dtype_of(side.types[name]), side.types[name])

    def _constant(self, side: Side, name: str) -> str:
        prefix = "half" if side is self.blend.half else "full"
        written = f"{prefix} constant {name}"
        if written not in self.taken:
            operation = side.constants[name]
            inputs = {key: tuple(self._read(side, n) for n in names) for key, names in operation.inputs.items()}
            outputs = tuple(f"{prefix} constant {output}" for output in operation.outputs)
            self.taken.update(outputs)
            self.operations.append(replace(operation, inputs=inputs, outputs=outputs))
        return written

    def _version(self, name: str, wanted: DataType | None, kind: object) -> str:
        known = self.versions[name]
        if wanted not in known and wanted in (_HALF, _FULL):
            source = known.get(_FULL if wanted is _HALF else _HALF)
            if source is not None and isinstance(kind, TensorType):
                known[wanted] = self._define(name, wanted)
                self.operations.append(_cast(source, known[wanted], kind))
        return known.get(wanted) or next(iter(known.values()))

    def _define(self, name: str, kind: DataType | None) -> str:
        candidates = (f"half {name}",) if kind is _HALF else (name, f"full {name}")
        written = next(candidate for candidate in candidates if candidate not in self.taken)
        self.taken.add(written)
        return written


def _cast(source: str, target: str, kind: TensorType) -> Operation:
    text = Value(TensorType(DataType.STRING), kind.dtype.spelling)
    return Operation("cast", target, {"x": (source,)}, {"dtype": text}, (target,), (kind,))


def _renamed(block: Block, names: Mapping[str, str]) -> Block:
    """`block` with what it reads from around it under other names."""

    def under(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(names.get(value, value) for value in values)

    operations = tuple(
        replace(
            operation,
            inputs={key: under(values) for key, values in operation.inputs.items()},
            blocks=tuple(_renamed(inner, names) for inner in operation.blocks),
        )
        for operation in block.operations
    )
    return replace(block, outputs=under(block.outputs), operations=operations)
