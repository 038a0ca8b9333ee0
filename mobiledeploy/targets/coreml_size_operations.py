"""Operations that compute, from the shape of the input, what a program of several sizes needs to know.

    image ──shape──gather 2──▶ height ──floor_div 16──▶ h ─┐
                  └─gather 3──▶ width ──floor_div 16──▶ w ──┴─concat(1, 64, h, w)──▶ the shape of a reshape

All sizes are int32 vectors of one element: coremltools writes the sizes of flexible inputs the same way, and Core ML
computes them once for each size that a package enumerates.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.targets.coreml_messages import Shape, constant, dtype_of, operation
from mobiledeploy.targets.size_expressions import Expression, Lookup, Quotient, Size, expression

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SizeOperations"]

_INT32 = 23


class SizeOperations:
    """`operations`: what has been asked for so far, in an order in which it can be computed.

    Args:
        source: name and ValueType of the input whose last two axes are the size.
        sizes: the sizes, the variants' in their order.
        opset: of the function, e.g. "CoreML6"; later ones want more arguments.
        taken: names that are in use; added to.
    """

    def __init__(self, source: tuple[str, Any], sizes: Sequence[Size], opset: str, taken: set[str]) -> None:
        self.operations: list[Any] = []
        self._source, self._rank = source[0], len(source[1].tensorType.dimensions)
        self._sizes = tuple(sizes)
        self._opset = int(opset.removeprefix("CoreML"))
        self._taken = taken
        self._known: dict[object, str] = {}

    def integers(self, vectors: Sequence[np.ndarray]) -> str:
        """The name of an int32 vector that is `vectors[i]` at size i; all of one length."""
        entries = tuple(expression([int(v) for v in column], self._sizes) for column in zip(*vectors, strict=True))
        if entries not in self._known:
            names = [self._number(entry) for entry in entries]
            self._known[entries] = names[0] if len(names) == 1 else self._concat(names)
        return self._known[entries]

    def selected(self, arrays: Sequence[np.ndarray]) -> str:
        """The name of a tensor that is `arrays[i]` at size i (of shape (1,) for numbers); all of one rank and type.

        They lie one upon the other in a table, padded with zeros to the largest:
        table (sizes, …) ──gather──squeeze──slice──▶ array
        """
        key = tuple((array.dtype.str, array.shape, array.tobytes()) for array in arrays)
        if key not in self._known:
            self._known[key] = self._from_table(arrays)
        return self._known[key]

    def _from_table(self, arrays: Sequence[np.ndarray]) -> str:
        largest = np.max([array.shape for array in arrays], axis=0) if arrays[0].ndim else np.array([], int)
        table = np.zeros((len(arrays), *largest), arrays[0].dtype)
        for index, array in enumerate(arrays):
            places: list[Any] = [slice(0, size) for size in array.shape]
            table[(index, *places)] = array
        stored = self._constant("size_table", table)
        place = self.integers([np.array([i]) for i in range(len(arrays))])
        dtype, shape = self._dtype(stored), tuple(int(size) for size in largest)
        entry = self._gather(stored, place, dtype, (1, *shape))
        if not shape:
            return entry
        axes = self._constant("size_squeeze_axes", np.zeros(1, np.int32))
        chosen = self._add("squeeze", "size_entry", {"x": [entry], "axes": [axes]}, dtype, shape)
        if all(array.shape == shape for array in arrays):
            return chosen
        return self._cropped(chosen, arrays, dtype)

    def _cropped(self, chosen: str, arrays: Sequence[np.ndarray], dtype: int) -> str:
        begin = self._constant("size_begin", np.zeros(arrays[0].ndim, np.int32))
        end = self.integers([np.array(array.shape) for array in arrays])
        sizes = zip(*(array.shape for array in arrays), strict=True)
        shape = tuple(size[0] if len(set(size)) == 1 else None for size in sizes)
        return self._add("slice_by_index", "size_part", {"x": [chosen], "begin": [begin], "end": [end]}, dtype, shape)

    def _number(self, entry: Expression) -> str:
        if entry not in self._known:
            self._known[entry] = self._looked_up(entry) if isinstance(entry, Lookup) else self._quotient(entry)
        return self._known[entry]

    def _quotient(self, entry: Quotient) -> str:
        if not entry.axes:
            return self._constant("size_constant", np.array([entry.offset], np.int32))
        name, *others = (self._axis(axis) for axis in entry.axes)
        for other in others:
            name = self._combined("mul", name, other)
        name = self._with_number("mul", name, entry.multiplier, neutral=1)
        name = self._with_number("add", name, entry.offset, neutral=0)
        return self._with_number("floor_div", name, entry.divisor, neutral=1)

    def _looked_up(self, entry: Lookup) -> str:
        place: str | None = None
        for step in entry.steps:
            offset = self._with_number("add", self._axis(step.axis), -step.first, neutral=0)
            own = self._with_number("floor_div", offset, step.step, neutral=1)
            place = (
                own
                if place is None
                else self._combined("add", self._with_number("mul", place, step.count, neutral=1), own)
            )
        assert place is not None
        table = self._constant("size_table", np.array(entry.table, np.int32))
        return self._gather(table, place, _INT32, (1,))

    def _axis(self, axis: int) -> str:
        """The height or the width, which are the last two axes."""
        key = ("axis", axis)
        if key not in self._known:
            index = self._constant("size_axis", np.array([self._rank - 2 + axis], np.int32))
            self._known[key] = self._gather(self._shape(), index, _INT32, (1,))
        return self._known[key]

    def _shape(self) -> str:
        if "shape" not in self._known:
            self._known["shape"] = self._add("shape", "size_shape", {"x": [self._source]}, _INT32, (self._rank,))
        return self._known["shape"]

    def _with_number(self, kind: str, name: str, number: int, *, neutral: int) -> str:
        if number == neutral:
            return name
        return self._combined(kind, name, self._constant("size_constant", np.array([number], np.int32)))

    def _combined(self, kind: str, x: str, y: str) -> str:
        key = (kind, x, y)
        if key not in self._known:
            self._known[key] = self._add(kind, f"size_{kind}", {"x": [x], "y": [y]}, _INT32, (1,))
        return self._known[key]

    def _concat(self, names: Sequence[str]) -> str:
        axis = self._constant("size_concat_axis", np.array(0, np.int32))
        interleave = self._constant("size_interleave", np.array(False))
        inputs = {"values": names, "axis": [axis], "interleave": [interleave]}
        return self._add("concat", "size_vector", inputs, _INT32, (len(names),))

    def _gather(self, x: str, indices: str, dtype: int, shape: Shape) -> str:
        inputs = {"x": [x], "indices": [indices], "axis": [self._constant("size_gather_axis", np.array(0, np.int32))]}
        if self._opset >= 6:
            inputs["batch_dims"] = [self._constant("size_batch_dims", np.array(0, np.int32))]
        if self._opset >= 7:
            inputs["validate_indices"] = [self._constant("size_validate", np.array(False))]
        return self._add("gather", "size_gather", inputs, dtype, shape)

    def _constant(self, hint: str, array: np.ndarray) -> str:
        key = ("constant", array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._name(hint)
            self.operations.append(constant(name, array))
            self._known[key] = name
        return self._known[key]

    def _dtype(self, name: str) -> int:
        return next(dtype_of(o.outputs[0].type) for o in self.operations if o.outputs[0].name == name)

    def _add(self, kind: str, hint: str, inputs: Mapping[str, Sequence[str]], dtype: int, shape: Shape) -> str:
        name = self._name(hint)
        self.operations.append(operation(kind, name, inputs, dtype, shape))
        return name

    def _name(self, hint: str) -> str:
        candidates = itertools.chain([hint], (f"{hint}_{number}" for number in itertools.count(1)))
        name = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(name)
        return name
