"""One operator of a model's programs, as it is at each size: its shapes and its constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.targets.coreml_neutral import SOURCE, neutral

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_alignment import Column
    from mobiledeploy.targets.coreml_messages import Shape
    from mobiledeploy.targets.coreml_variant import Variant

__all__ = ["SizedOperator", "merged"]


class SizedOperator:
    """The operations of `column`, one per variant; where a variant has none, it is the neutral one.

    `pattern`: the first operation there is. `owner`: the variant that it belongs to.
    """

    def __init__(self, variants: Sequence[Variant], column: Column) -> None:
        self.column = column
        self.pattern: Any = column.operations[column.first]
        self.owner = variants[column.first]
        self._sized = tuple(zip(variants, column.operations, range(len(variants)), strict=True))

    @property
    def kind(self) -> str:
        return str(self.pattern.type)

    @property
    def is_everywhere(self) -> bool:
        return None not in self.column.operations

    def constants(self) -> list[tuple[str, int]]:
        """The operands that are constants: parameter, and place among its arguments."""
        arguments = [(p, i) for p, a in self.pattern.inputs.items() for i, b in enumerate(a.arguments) if b.name]
        # protobuf's maps come in the order of a hash seed
        return sorted(argument for argument in arguments if argument not in self.column.inputs)

    def constant_name(self, parameter: str, place: int = 0) -> str:
        """In the owner's program."""
        return str(self.pattern.inputs[parameter].arguments[place].name)

    def is_alike(self, parameter: str, place: int = 0) -> bool:
        """Whether the constant is the same at all sizes."""
        if not self.is_everywhere and (arrays := self.arrays(parameter, place)):
            return all(np.array_equal(array, arrays[0]) for array in arrays)
        present = [(v, o.inputs[parameter].arguments[place].name) for v, o, _ in self._sized if o is not None]
        return len({variant.content(name) for variant, name in present}) == 1

    def arrays(self, parameter: str, place: int = 0) -> list[np.ndarray]:
        """The constant at each size; none if it is a text, or of another type or rank somewhere."""
        elsewhere = self.owner.array(self.constant_name(parameter, place))
        arrays = []
        for variant, operation, index in self._sized:
            if elsewhere is None:
                return []
            array: np.ndarray | None
            if operation is None:
                array = neutral(self.kind, parameter, variant.shape(self.column.sources[index]), elsewhere)
            else:
                array = variant.array(operation.inputs[parameter].arguments[place].name)
            if array is None or array.dtype != elsewhere.dtype or array.ndim != elsewhere.ndim:
                return []
            arrays.append(array)
        return arrays

    def option(self, parameter: str) -> str | bool:
        """The value of a constant text or flag."""
        name = self.constant_name(parameter)
        array = self.owner.array(name)
        if array is not None:
            return bool(array)
        return str(self.owner.constants[name].attributes["val"].immediateValue.tensor.strings.values[0])

    def source_shapes(self) -> list[Shape]:
        """Of the operand SOURCE, at each size."""
        sources = self.column.sources
        return [v.shape(sources[i] if o is None else o.inputs[SOURCE].arguments[0].name) for v, o, i in self._sized]

    def result_shapes(self, place: int = 0) -> list[Shape]:
        sources = self.column.sources
        return [v.shape(sources[i] if o is None else o.outputs[place].name) for v, o, i in self._sized]


def merged(shapes: Sequence[Shape]) -> Shape:
    """The sizes that are always the same; None for the others."""
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))
