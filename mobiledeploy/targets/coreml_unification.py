"""Several programs of one model, each for one size, as one program for all of them.

    160:  reshape(x, (1, 64, 20, 20))
    192:  reshape(x, (1, 64, 24, 24))     ──▶     reshape(x, concat(1, 64, height // 8, width // 8))
    256:  reshape(x, (1, 64, 32, 32))

Sizes that differ become unknown in the types. A constant that differs becomes a computed one where the operator takes
such: whole numbers as expressions of the input's size, other small ones from a table. At each of the sizes the result
does exactly what that size's program did.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.targets.coreml_alignment import Column, UnlikeError, align
from mobiledeploy.targets.coreml_library import SSAOpRegistry
from mobiledeploy.targets.coreml_messages import FLOAT16, constant, dtype_of, operation, set_tensor_type
from mobiledeploy.targets.coreml_neutral import RESIZES, SOURCE
from mobiledeploy.targets.coreml_resizing import OPTIONS, resizing_matrix
from mobiledeploy.targets.coreml_size_operations import SizeOperations
from mobiledeploy.targets.coreml_sized_operator import SizedOperator, merged

if TYPE_CHECKING:
    from mobiledeploy.targets.coreml_blobs import BlobGatherer
    from mobiledeploy.targets.coreml_messages import Shape
    from mobiledeploy.targets.coreml_variant import Variant

__all__ = ["unify"]

_LARGEST_TABLE = 4096
"""Elements of a constant, of all sizes together, that are looked up by size. Larger ones are weights, which a function
of its own for each size has at hand without moving them."""

# What coremltools adds to the name of a constant that it rounds.
_ROUNDED = "_to_fp16"

_WHOLE = {"avg_pool": "reduce_mean", "max_pool": "reduce_max"}
_SPATIAL = (-2, -1)


def unify(variants: Sequence[Variant], weights: BlobGatherer) -> Any:
    """The Core ML Model message of all; the first variant's names, and its size as the default.

    Raises UnlikeError where the programs differ in more than what can be computed from the size.
    """
    first = variants[0]
    varying = [v.name for v in first.function.inputs if len({variant.shape(v.name) for variant in variants}) > 1]
    if len(varying) != 1:
        raise UnlikeError(f"{len(varying)} inputs change their size together")
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
        operator = SizedOperator(self._variants, column)
        if operator.kind in _WHOLE and _pools_all(operator):
            self._add_reduction(operator)
        elif operator.kind in RESIZES and not _is_fixed(operator):
            self._add_products(operator)
        else:
            self._add_alike(operator)

    def _add_alike(self, operator: SizedOperator) -> None:
        pattern, column = operator.pattern, operator.column
        made = type(pattern)()
        made.CopyFrom(pattern)
        constants = {argument: self._argument(operator, *argument) for argument in operator.constants()}
        for (parameter, place), name in {**column.inputs, **constants}.items():
            made.inputs[parameter].arguments[place].name = name
        for place, (output, name) in enumerate(zip(made.outputs, column.outputs, strict=True)):
            output.name = name
            _merge_type(output.type, operator.result_shapes(place))
        self.operations.append(made)

    def _argument(self, operator: SizedOperator, parameter: str, place: int) -> str:
        """The name of a constant operand: the constant itself where all sizes have the same, else what computes it."""
        name = operator.constant_name(parameter, place)
        if operator.is_alike(parameter, place):
            return self._constant(operator.column.first, name)
        arrays = operator.arrays(parameter, place)
        if not arrays or _must_be_constant(operator.kind, parameter, operator.owner.function.opset):
            raise UnlikeError(f"{parameter} of {_called(operator)} depends on the size")
        if operator.kind == "reshape" and (shape := _with_rest(arrays)) is not None:
            return self._immediate(f"{name}_rest", shape)
        if arrays[0].dtype.kind == "i" and arrays[0].ndim == 1 and len({a.shape for a in arrays}) == 1:
            return self.sizes.integers(arrays)
        if sum(array.size for array in arrays) > _LARGEST_TABLE or arrays[0].dtype.kind not in "if":
            raise UnlikeError(f"the constant `{name.removesuffix(_ROUNDED)}` depends on the size")
        return self.sizes.selected(arrays)

    def _add_products(self, operator: SizedOperator) -> None:
        """A resize as two matrix products; the matrices come from a table."""
        for parameter in OPTIONS:
            if parameter in operator.pattern.inputs and not operator.is_alike(parameter):
                raise UnlikeError(f"{parameter} of {_called(operator)} depends on the size")
        sources, targets = operator.source_shapes(), operator.result_shapes()
        dtype = dtype_of(operator.pattern.outputs[0].type)
        matrices = _matrices(operator, np.float16 if dtype == FLOAT16 else np.float32)
        rows = self.sizes.selected(matrices[0])
        columns = self.sizes.selected([matrix.T for matrix in matrices[1]])
        tall: list[Shape] = [(*s[:-2], t[-2], s[-1]) for s, t in zip(sources, targets, strict=True)]
        result = operator.column.outputs[0]
        between = self._free(f"{result}_rows")
        self._add_product(between, (rows, operator.column.inputs[SOURCE, 0]), dtype, tall)
        self._add_product(result, (between, columns), dtype, targets)

    def _add_product(self, name: str, factors: tuple[str, str], dtype: int, shapes: Sequence[Shape]) -> None:
        no = self._immediate(f"{name}_transpose", np.array(False))
        inputs = {"x": [factors[0]], "y": [factors[1]], "transpose_x": [no], "transpose_y": [no]}
        self.operations.append(operation("matmul", name, inputs, dtype, merged(shapes)))

    def _add_reduction(self, operator: SizedOperator) -> None:
        """A pooling whose window is the whole picture."""
        name = operator.column.outputs[0]
        axes = self._immediate(f"{name}_axes", np.array(_SPATIAL, np.int32))
        keep = self._immediate(f"{name}_keep_dims", np.array(True))
        inputs = {"x": [operator.column.inputs[SOURCE, 0]], "axes": [axes], "keep_dims": [keep]}
        dtype = dtype_of(operator.pattern.outputs[0].type)
        self.operations.append(operation(_WHOLE[operator.kind], name, inputs, dtype, merged(operator.result_shapes())))

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
        candidates = itertools.chain([hint], (f"{hint}_{number}" for number in itertools.count(1)))
        name = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(name)
        return name


def _called(operator: SizedOperator) -> str:
    return f"{operator.kind} `{operator.pattern.outputs[0].name}`"


def _is_fixed(operator: SizedOperator) -> bool:
    return operator.is_everywhere and all(operator.is_alike(*argument) for argument in operator.constants())


def _matrices(operator: SizedOperator, dtype: type[np.floating[Any]]) -> list[list[np.ndarray]]:
    """Of both axes, at each size."""
    options = {parameter: operator.option(parameter) for parameter in OPTIONS if parameter in operator.pattern.inputs}
    shapes = list(zip(operator.source_shapes(), operator.result_shapes(), strict=True))
    return [
        [resizing_matrix(operator.kind, options, s[axis] or 0, t[axis] or 0).astype(dtype) for s, t in shapes]
        for axis in _SPATIAL
    ]


def _pools_all(operator: SizedOperator) -> bool:
    """Whether the window is the whole picture, another one at each size, without padding."""
    if not operator.is_everywhere or operator.is_alike("kernel_sizes") or "pad" not in operator.pattern.inputs:
        return False
    windows = [tuple(array.tolist()) for array in operator.arrays("kernel_sizes")]
    padded = any(array.any() for array in operator.arrays("pad")) or not operator.arrays("pad")
    return not padded and windows == [shape[-2:] for shape in operator.source_shapes()]


def _merge_type(value_type: Any, shapes: Sequence[Shape]) -> None:
    if value_type.HasField("tensorType"):
        set_tensor_type(value_type, dtype_of(value_type), merged(shapes))


def _with_rest(shapes: Sequence[np.ndarray]) -> np.ndarray | None:
    """The shape with -1 where it depends on the size, if that is one place only and no other is left open."""
    stacked = np.stack(shapes)
    varying = np.flatnonzero((stacked != stacked[0]).any(axis=0))
    if len(varying) != 1 or (stacked < 1).any():
        return None
    shape: np.ndarray = stacked[0].copy()
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
