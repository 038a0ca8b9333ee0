"""From a program to an ML Program package, by `coremltools.convert`.

Program ──lift──▶ ExportedProgram ──ct.convert──▶ Model message + weight.bin ──describe, sort──▶ .mlpackage
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.aten.exported import to_exported_program
from mobiledeploy.targets.collection import collection_paused
from mobiledeploy.targets.coreml_description import CLASS_LABEL, describe
from mobiledeploy.targets.failure import target_error
from mobiledeploy.targets.mlpackage import write_mlpackage
from mobiledeploy.targets.quiet import silenced

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from mobiledeploy.aten.program import Program
    from mobiledeploy.records import InputSpec
    from mobiledeploy.targets.target import ConversionOptions

with silenced("coremltools"):
    import coremltools as ct

    from mobiledeploy.targets import coreml_ops  # noqa: F401 - registers our translations

__all__ = ["convert"]

_PRECISIONS = {"float16": ct.precision.FLOAT16, "float32": ct.precision.FLOAT32}
_COLORS = {"RGB": ct.colorlayout.RGB, "BGR": ct.colorlayout.BGR, "GRAYSCALE": ct.colorlayout.GRAYSCALE}
_REMEDY = "Replace that operator in the model, or add its translation to mobiledeploy/targets/coreml_ops.py."


def convert(program: Program, options: ConversionOptions, destination: Path) -> None:
    """Writes the package at `destination`. See `Target.convert`."""
    with tempfile.TemporaryDirectory(prefix=".coreml-", dir=destination.parent) as scratch:
        model = _convert(program, options, Path(scratch))
        specification = model.get_spec()
        describe(specification, options)
        weights = Path(model.weights_dir or scratch) / "weight.bin"
        write_mlpackage(destination, specification, weights if weights.exists() else None)


def _convert(program: Program, options: ConversionOptions, scratch: Path) -> Any:
    exported = to_exported_program(program)
    with silenced("coremltools") as messages, collection_paused(), _temporary_files_in(scratch):
        _forget_names()
        try:
            return ct.convert(
                exported,
                inputs=[_input_type(spec) for spec in program.inputs],
                outputs=_output_types(exported, program.outputs),
                classifier_config=_classifier(options.labels),
                minimum_deployment_target=getattr(ct.target, options.deployment_target),
                compute_precision=_PRECISIONS[options.precision],
                skip_model_load=True,
                package_dir=str(scratch / "model.mlpackage"),
            )
        except OSError:
            raise
        except Exception as error:  # coremltools raises whatever its operators meet
            raise target_error(error, exported, "coremltools", remedy=_REMEDY, messages=messages) from error


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


def _output_types(exported: ExportedProgram, names: tuple[str, ...]) -> list[Any]:
    """Named outputs; floating ones stay float32 arrays, whatever the precision inside."""
    (results,) = next(node for node in reversed(exported.graph.nodes) if node.op == "output").args
    floating = [result.meta["val"].is_floating_point() for result in results]
    return [
        ct.TensorType(name=name, dtype=np.float32 if real else None) for name, real in zip(names, floating, strict=True)
    ]


def _classifier(labels: tuple[str, ...] | None) -> Any:
    if labels is None:
        return None
    return ct.ClassifierConfig(list(labels), CLASS_LABEL, predicted_probabilities_output="probabilities")
