"""Several programs of one model, each for one size, as one program for all of them.

    160:  reshape(x, (1, 64, 20, 20))
    192:  reshape(x, (1, 64, 24, 24))     ──▶     reshape(x, concat(1, 64, height // 8, width // 8))
    256:  reshape(x, (1, 64, 32, 32))

Sizes that differ become unknown in the types. A constant that differs becomes a computed one where the operator takes
such: whole numbers as expressions of the input's size, other small ones from a table. At each of the sizes the result
does exactly what that size's program did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.targets.coreml_alignment import Column, Unlike, align
from mobiledeploy.targets.coreml_library import SSAOpRegistry
from mobiledeploy.targets.coreml_messages import constant, dtype_of, operation, set_tensor_type, shape_of
from mobiledeploy.targets.coreml_neutral import RESIZES, SOURCE, neutral
from mobiledeploy.targets.coreml_resizing import resizing_matrix
from mobiledeploy.targets.coreml_size_operations import SizeOperations

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_blobs import BlobGatherer
    from mobiledeploy.targets.coreml_messages import Shape
    from mobiledeploy.targets.coreml_variant import Variant

__all__ = ["unify"]

_LARGEST_TABLE = 4096
"""Elements of a constant, of all sizes together, that are looked up by size. Larger ones are weights, which an own
function for each size has at hand without moving them."""

_WHOLE = {"avg_pool": "reduce_mean", "max_pool": "reduce_max"}
_SPATIAL = (-2, -1)


def unify(variants: Sequence[Variant], weights: BlobGatherer) -> Any:
    """The Core ML Model message of all; the first variant's names, and its size as the default. Raises Unlike."""
    first = variants[0]
    varying = [v.name for v in first.function.inputs if len({variant.shape(v.name) for variant in variants}) > 1]
    if len(varying) != 1:
        raise Unlike(f"{len(varying)} inputs change their size together")
    alignment = align(variants)
    builder = _Builder(variants, (varying[0], first.types[varying[0]]), set(alignment.taken), weights)
    for column in alignment.columns:
        builder.add(column)
    specification = type(first.specification)()
    specification.CopyFrom(first.specification)
    (function,) = specification.mlProgram.functions.values()
    for value in function.inputs:
        _merge_type(value.type, [variant.shape(value.name) for variant in variants])
    (block,) = function.block_specializations.values()
    del block.operations[:]
    block.operations.extend([*builder.sizes.operations, *builder.operations])
    block.outputs[:] = alignment.outputs
    return specification


class _Builder:
    """`operations`: the program of all, as far as it goes; `sizes`: what comes before it."""

    def __init__(
        self, variants: Sequence[Variant], source: tuple[str, Any], taken: set[str], weights: BlobGatherer
    ) -> None:
        self.operations: list[Any] = []
        self.sizes = SizeOperations(source, [v.size for v in variants], variants[0].function.opset, taken)
        self._variants = variants
        self._taken = taken
        self._weights = weights
        self._constants: dict[tuple[int, str], str] = {}

    def add(self, column: Column) -> None:
        pattern = column.operations[column.first]
        if pattern.type in _WHOLE and self._pools_all(column):
            self._add_reduction(column)
        elif pattern.type in RESIZES and self._varies(column):
            self._add_products(column)
        else:
            self._add_alike(column)

    def _add_alike(self, column: Column) -> None:
        pattern = column.operations[column.first]
        made = type(pattern)()
        made.CopyFrom(pattern)
        for parameter, argument in pattern.inputs.items():
            for place, binding in enumerate(argument.arguments):
                if (parameter, place) in column.inputs:
                    name = column.inputs[parameter, place]
                elif binding.name:
                    name = self._argument(column, parameter, place)
                else:
                    continue
                made.inputs[parameter].arguments[place].name = name
        for place, (output, name) in enumerate(zip(made.outputs, column.outputs, strict=True)):
            output.name = name
            _merge_type(output.type, self._output_shapes(column, place))
        self.operations.append(made)

    def _argument(self, column: Column, parameter: str, place: int) -> str:
        """The name of a constant operand: the constant itself where all sizes have the same, else what computes it."""
        pattern = column.operations[column.first]
        owner = self._variants[column.first]
        name = pattern.inputs[parameter].arguments[place].name
        if self._same(column, parameter, place):
            return self._constant(column.first, name)
        arrays = self._arrays(column, parameter, place)
        if not arrays or _must_be_constant(pattern.type, parameter, owner.function.opset):
            raise Unlike(f"{parameter} of {pattern.type} `{pattern.outputs[0].name}` depends on the size")
        if pattern.type == "reshape" and (shape := _with_rest(arrays)) is not None:
            return self._immediate(f"{name}_rest", shape)
        if arrays[0].dtype.kind == "i" and arrays[0].ndim == 1 and len({a.shape for a in arrays}) == 1:
            return self.sizes.integers(arrays)
        if sum(array.size for array in arrays) > _LARGEST_TABLE or arrays[0].dtype.kind not in "if":
            raise Unlike(f"the constant `{name}` depends on the size")
        return self.sizes.selected(arrays)

    def _same(self, column: Column, parameter: str, place: int) -> bool:
        arrays = self._arrays(column, parameter, place) if None in column.operations else []
        if arrays:
            return all(np.array_equal(array, arrays[0]) for array in arrays)
        present = [(i, o) for i, o in enumerate(column.operations) if o is not None]
        contents = {self._variants[i].content(o.inputs[parameter].arguments[place].name) for i, o in present}
        return len(contents) == 1

    def _arrays(self, column: Column, parameter: str, place: int) -> list[np.ndarray]:
        """The constant at each size; empty where it is a text, or of another type or rank somewhere."""
        pattern = column.operations[column.first]
        elsewhere = self._variants[column.first].array(pattern.inputs[parameter].arguments[place].name)
        arrays = []
        for i, (variant, present) in enumerate(zip(self._variants, column.operations, strict=True)):
            if elsewhere is None:
                return []
            if present is None:
                arrays.append(neutral(pattern.type, parameter, variant.shape(column.sources[i]), elsewhere))
                continue
            array = variant.array(present.inputs[parameter].arguments[place].name)
            if array is None or array.dtype != elsewhere.dtype or array.ndim != elsewhere.ndim:
                return []
            arrays.append(array)
        return arrays

    def _varies(self, column: Column) -> bool:
        parameters = [(p, i) for p, a in column.operations[column.first].inputs.items() for i in range(len(a.arguments))]
        constants = [place for place in parameters if place not in column.inputs]
        return None in column.operations or not all(self._same(column, *place) for place in constants)

    def _add_products(self, column: Column) -> None:
        """A resize as two matrix products; the matrices come from a table."""
        pattern = column.operations[column.first]
        options = self._options(column, pattern)
        sources, targets = self._input_shapes(column), self._output_shapes(column, 0)
        dtype = dtype_of(pattern.outputs[0].type)
        numpy_dtype = np.float16 if dtype == _FLOAT16 else np.float32
        matrices = [
            [resizing_matrix(pattern.type, options, s[axis] or 0, t[axis] or 0) for s, t in zip(sources, targets, strict=True)]
            for axis in _SPATIAL
        ]
        rows = self.sizes.selected([matrix.astype(numpy_dtype) for matrix in matrices[0]])
        columns = self.sizes.selected([matrix.T.astype(numpy_dtype) for matrix in matrices[1]])
        tall = [(*s[:-2], t[-2], s[-1]) for s, t in zip(sources, targets, strict=True)]
        name = f"{column.outputs[0]}_rows"
        self._add_product(name, rows, column.inputs[SOURCE, 0], dtype, tall)
        self._add_product(column.outputs[0], name, columns, dtype, targets)

    def _add_product(self, name: str, x: str, y: str, dtype: int, shapes: Sequence[Shape]) -> None:
        no = self._immediate(f"{name}_transpose", np.array(False))
        inputs = {"x": [x], "y": [y], "transpose_x": [no], "transpose_y": [no]}
        self.operations.append(operation("matmul", name, inputs, dtype, _merged(shapes)))

    def _options(self, column: Column, pattern: Any) -> dict[str, Any]:
        """The constants of a resize that say where its samples lie. Raises Unlike where they depend on the size."""
        owner = self._variants[column.first]
        options: dict[str, Any] = {}
        for parameter in ("align_corners", "half_pixel_centers", "sampling_mode"):
            if parameter not in pattern.inputs:
                continue
            if not self._same(column, parameter, 0):
                raise Unlike(f"{parameter} of {pattern.type} `{pattern.outputs[0].name}` depends on the size")
            name = pattern.inputs[parameter].arguments[0].name
            array = owner.array(name)
            value = owner.constants[name].attributes["val"].immediateValue.tensor
            options[parameter] = value.strings.values[0] if array is None else bool(array)
        return options

    def _pools_all(self, column: Column) -> bool:
        """Whether the kernel is the whole picture, at each size another one, without padding."""
        if self._same(column, "kernel_sizes", 0) or "pad" not in column.operations[0].inputs:
            return False
        for (parameter, place), arrays in {
            (p, 0): self._arrays(column, p, 0) for p in ("kernel_sizes", "pad")
        }.items():
            del place
            wanted = [s[-2:] for s in self._input_shapes(column)] if parameter == "kernel_sizes" else [(0,) * 4] * len(arrays)
            if [tuple(int(v) for v in array) for array in arrays] != wanted:
                return False
        return True

    def _add_reduction(self, column: Column) -> None:
        pattern = column.operations[0]
        name = column.outputs[0]
        axes = self._immediate(f"{name}_axes", np.array(_SPATIAL, np.int32))
        keep = self._immediate(f"{name}_keep_dims", np.array(True))
        inputs = {"x": [column.inputs[SOURCE, 0]], "axes": [axes], "keep_dims": [keep]}
        shape = _merged(self._output_shapes(column, 0))
        self.operations.append(operation(_WHOLE[pattern.type], name, inputs, dtype_of(pattern.outputs[0].type), shape))

    def _constant(self, index: int, name: str) -> str:
        """The constant `name` of a variant, written where it is first read; its blob goes along."""
        key = (index, name)
        if key not in self._constants:
            variant = self._variants[index]
            made = type(variant.constants[name])()
            made.CopyFrom(variant.constants[name])
            made.outputs[0].name = self._constants[key] = self._free(name) if index else name
            value = made.attributes["val"]
            if value.HasField("blobFileValue"):
                assert variant.blobs is not None
                value.blobFileValue.offset = self._weights.add(variant.blobs, value.blobFileValue.offset)
            self.operations.append(made)
        return self._constants[key]

    def _immediate(self, hint: str, array: np.ndarray) -> str:
        name = self._free(hint)
        self.operations.append(constant(name, array))
        return name

    def _free(self, hint: str) -> str:
        name, number = hint, 0
        while name in self._taken:
            number += 1
            name = f"{hint}_{number}"
        self._taken.add(name)
        return name

    def _input_shapes(self, column: Column) -> list[Shape]:
        return [
            variant.shape(column.sources[i] if o is None else o.inputs[SOURCE].arguments[0].name)
            for i, (variant, o) in enumerate(zip(self._variants, column.operations, strict=True))
        ]

    def _output_shapes(self, column: Column, place: int) -> list[Shape]:
        return [
            variant.shape(column.sources[i] if o is None else o.outputs[place].name)
            for i, (variant, o) in enumerate(zip(self._variants, column.operations, strict=True))
        ]
_FLOAT16 = 10


def _merged(shapes: Sequence[Shape]) -> Shape:
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))


def _merge_type(value_type: Any, shapes: Sequence[Shape]) -> None:
    if value_type.HasField("tensorType"):
        set_tensor_type(value_type, dtype_of(value_type), _merged(shapes))


def _with_rest(shapes: Sequence[np.ndarray]) -> np.ndarray | None:
    """The shape with -1 where it depends on the size, if that is one place only and no other is left open."""
    stacked = np.stack(shapes)
    varying = np.flatnonzero((stacked != stacked[0]).any(axis=0))
    if len(varying) != 1 or (stacked < 1).any():
        return None
    shape = stacked[0].copy()
    shape[varying[0]] = -1
    return shape


def _must_be_constant(kind: str, parameter: str, opset: str) -> bool:
    """Whether coremltools' definition of the operator, at this operator set, takes only a constant there."""
    versions = SSAOpRegistry.core_ops[kind]
    # "CoreML6" is iOS 16, whose specification has the number 7
    known = [version for version in versions if version.value <= int(opset.removeprefix("CoreML")) + 1]
    definition = versions[max(known, key=lambda version: version.value)]
    found = definition.input_spec.input_types.get(parameter)
    return found is None or bool(found.const)
