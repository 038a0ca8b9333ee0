"""From a program to an ML Program package, by `coremltools.convert`.

Program ──lift──▶ ExportedProgram ──ct.convert──▶ Model message + weight.bin ──describe, sort──▶ .mlpackage
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.aten.exported import to_exported_program
from mobiledeploy.errors import InternalError, RankError, TargetError
from mobiledeploy.targets.collection import collection_paused
from mobiledeploy.targets.coreml_classifier import PROBABILITIES, PROBABILITY_ARRAY, add_classifier
from mobiledeploy.targets.coreml_description import describe
from mobiledeploy.targets.coreml_library import ct, is_torch_fx_node_supported
from mobiledeploy.targets.coreml_lowering import lower
from mobiledeploy.targets.coreml_outputs import Alias, append_aliases, without_aliases
from mobiledeploy.targets.coreml_precision import compute_precision
from mobiledeploy.targets.decomposition import is_decomposable
from mobiledeploy.targets.failure import failing_node, target_error
from mobiledeploy.targets.feature_names import check_distinct, check_kept
from mobiledeploy.targets.mlpackage import write_mlpackage
from mobiledeploy.targets.quiet import silenced
from mobiledeploy.targets.ranges import check_half_weights, check_int32_constants
from mobiledeploy.targets.sigmoid_gelu import fuse_sigmoid_gelu

if TYPE_CHECKING:
    from torch import fx
    from torch.export import ExportedProgram

    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import InputSpec
    from mobiledeploy.targets.target import ConversionOptions

__all__ = ["convert", "to_specification"]

_COLORS = {"RGB": ct.colorlayout.RGB, "BGR": ct.colorlayout.BGR, "GRAYSCALE": ct.colorlayout.GRAYSCALE}
_REMEDY = "Replace that operator in the model, or add its translation to mobiledeploy/targets/coreml_ops.py."
_STORAGE_FAILURES = ("[MIL FileWriter]", "[MIL StorageWriter]", "filesystem error")
_RANK_REMEDY = "Core ML's tensors have at most five axes: write that line of the model with fewer."


def convert(program: Program, options: ConversionOptions, destination: Path) -> None:
    """Writes the package at `destination`. See `Target.convert`."""
    with tempfile.TemporaryDirectory(prefix=".coreml-", dir=destination.parent) as scratch:
        specification, weights = to_specification(program, options, Path(scratch))
        write_mlpackage(destination, specification, weights)


def to_specification(program: Program, options: ConversionOptions, scratch: Path) -> tuple[Any, Path | None]:
    """The Core ML Model message, complete, and the file of its weights in the folder `scratch`. Raises as `convert`."""
    check_distinct(program)
    check_int32_constants(program)
    if options.precision == "float16" and options.mixture is None:
        check_half_weights(program)
    with silenced("coremltools") as messages, collection_paused(), _temporary_files_in(scratch):
        lowered, aliases, model = _translate(program, options, scratch, messages)
        specification = model.get_spec()
    inner = _inner_names(lowered, options)
    check_kept(inner, [feature.name for feature in specification.description.output], "Core ML")
    check_kept([s.name for s in program.inputs], [f.name for f in specification.description.input], "Core ML")
    append_aliases(specification, aliases)
    if options.labels is not None:
        add_classifier(specification, options.labels)
    describe(specification, options)
    weights = Path(model.weights_dir or scratch) / "weight.bin"
    return specification, weights if weights.exists() else None


def _translate(
    program: Program, options: ConversionOptions, scratch: Path, messages: Sequence[str]
) -> tuple[Program, tuple[Alias, ...], Any]:
    """coremltools' model of `program`. An operator that it knows but stumbles over, as over circular padding, is
    decomposed, and the conversion tried again; if that does not help, the first failure counts."""
    refused: set[object] = set()
    failure: TargetError | None = None
    while True:
        known = lower(program, lambda node: _knows(node) and node.target not in refused)
        lowered, aliases = without_aliases(fuse_sigmoid_gelu(known))
        exported = to_exported_program(lowered)
        package = scratch / f"{len(refused)}.mlpackage"
        try:
            return lowered, aliases, _call(exported, lowered, options, package)
        except (InternalError, OSError):
            raise
        except Exception as error:  # coremltools raises whatever its operators meet
            if any(mark in str(error) for mark in _STORAGE_FAILURES):
                raise _storage_error(program, scratch) from error
            node = failing_node(error, exported)
            too_deep = "rank <= 5" in str(error)
            remedy, kind = (_RANK_REMEDY, RankError) if too_deep else (_REMEDY, TargetError)
            failure = failure or target_error(error, node, "coremltools", remedy=remedy, messages=messages, kind=kind)
            if too_deep or node is None or node.target in refused or not is_decomposable(node):
                raise failure from error
            refused.add(node.target)


def _knows(node: fx.Node) -> bool:
    try:
        return bool(is_torch_fx_node_supported(node))
    except AssertionError:  # it takes an operator whose name ends in _, as __xor__, for one in place
        return False


def _call(exported: ExportedProgram, program: Program, options: ConversionOptions, package: Path) -> Any:
    _forget_names()
    with compute_precision(options) as precision:
        return _converted(exported, program, options, precision, package)


def _converted(
    exported: ExportedProgram, program: Program, options: ConversionOptions, precision: Any, package: Path
) -> Any:
    return ct.convert(
        exported,
        inputs=[_input_type(spec) for spec in program.inputs],
        outputs=_output_types(exported, _inner_names(program, options)),
        minimum_deployment_target=getattr(ct.target, options.deployment_target),
        compute_precision=precision,
        skip_model_load=True,
        package_dir=str(package),
    )


def _storage_error(program: Program, scratch: Path) -> OSError:
    """coremltools' C++ parts tell that they could not write, but not why: the weights are written twice."""
    needed = 2 * sum(buffer.numel() * buffer.element_size() for buffer in program.graph_module.buffers())
    code = errno.ENOSPC if shutil.disk_usage(scratch).free < needed else errno.EIO
    return OSError(code, os.strerror(code), str(scratch))


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """coremltools writes its weight file to Python's temporary folder, which may be small, and copies it from there."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _forget_names() -> None:
    """A conversion that failed leaves its counters of names behind; the next one's names would depend on them."""
    ct.converters.mil.Builder.name_count.clear()


def _input_type(spec: InputSpec) -> Any:
    if spec.kind == "image":
        color = spec.preprocessing.color if spec.preprocessing else "RGB"
        return ct.ImageType(name=spec.name, shape=spec.shape, color_layout=_COLORS[color])
    return ct.TensorType(name=spec.name, shape=spec.shape, dtype=np.dtype(spec.dtype).type)


def _inner_names(program: Program, options: ConversionOptions) -> tuple[str, ...]:
    inner = {PROBABILITIES: PROBABILITY_ARRAY} if options.labels is not None else {}
    return tuple(inner.get(name, name) for name in program.outputs)


def _output_types(exported: ExportedProgram, names: tuple[str, ...]) -> list[Any]:
    """Named outputs; floating ones stay float32 arrays, whatever the precision inside."""
    (results,) = next(node for node in reversed(exported.graph.nodes) if node.op == "output").args
    floating = [result.meta["val"].is_floating_point() for result in results]
    return [
        ct.TensorType(name=name, dtype=np.float32 if real else None) for name, real in zip(names, floating, strict=True)
    ]
