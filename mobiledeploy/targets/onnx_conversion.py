"""From a program to an ONNX file, by torch.onnx.

    Program ──lift──▶ ExportedProgram ──torch.onnx──▶ ModelProto ──float16──▶ describe, check ──▶ .onnx

Opset 20 (ONNX 1.15) is the first with Gelu as one operator, and onnxruntime runs it since 1.17.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import torch

from mobiledeploy.aten.exported import to_exported_program
from mobiledeploy.errors import TargetError, UnsupportedError
from mobiledeploy.targets.collection import collection_paused
from mobiledeploy.targets.decomposition import is_decomposable
from mobiledeploy.targets.failure import failing_node, target_error
from mobiledeploy.targets.feature_names import check_distinct
from mobiledeploy.targets.onnx_description import describe
from mobiledeploy.targets.onnx_half import to_float16
from mobiledeploy.targets.onnx_lowering import lower
from mobiledeploy.targets.onnx_names import provisional, rename
from mobiledeploy.targets.quiet import silenced
from mobiledeploy.targets.ranges import check_half_weights

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from mobiledeploy.aten.program import Program
    from mobiledeploy.targets.target import ConversionOptions

__all__ = ["OPSET", "check_graph", "convert"]

OPSET = 20
# A protobuf message holds less than 2 GiB (its own limit); the graph itself takes a few megabytes at most.
LARGEST_WEIGHTS = 2**31 - 2**25
_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "onnxruntime")
_REMEDY = "Replace that operator in the model, or leave --target onnx out."


def convert(program: Program, options: ConversionOptions, destination: Path) -> None:
    """Writes the file at `destination`. See `Target.convert`."""
    check_distinct(program)
    _check_size(program)
    if options.precision == "float16":
        check_half_weights(program)
    with silenced(*_LOGGERS), collection_paused():
        model = _exported(program)
        if options.precision == "float16":
            model = to_float16(model)
        rename(model, {**_renamed("input", [s.name for s in program.inputs]), **_renamed("output", program.outputs)})
        describe(model, options)
        check_graph(model)
    destination.write_bytes(model.SerializeToString(deterministic=True))


def _check_size(program: Program) -> None:
    size = sum(buffer.numel() * min(buffer.element_size(), 4) for buffer in program.graph_module.buffers())
    if size > LARGEST_WEIGHTS:
        raise UnsupportedError(
            f"the weights take {size / 2**30:.1f} GiB, and one ONNX file holds less than 2 GiB",
            remedy="Leave --target onnx out, or take a smaller model.",
        )


def _exported(program: Program) -> Any:
    """torch.onnx's ModelProto. An operator that it stumbles over is decomposed, and the export tried again; if that
    does not help, the first failure counts."""
    refused: frozenset[object] = frozenset()
    failure: TargetError | None = None
    while True:
        exported = to_exported_program(lower(program, OPSET, refused))
        try:
            return _call(exported, program)
        except Exception as error:  # torch.onnx wraps whatever its translations meet
            node = failing_node(error, exported)
            failure = failure or target_error(error, node, "torch.onnx", remedy=_REMEDY)
            if node is None or node.target in refused or not is_decomposable(node):
                raise failure from error
            refused |= {node.target}


def _call(exported: ExportedProgram, program: Program) -> Any:
    result = torch.onnx.export(
        exported,
        dynamo=True,
        opset_version=OPSET,
        input_names=provisional("input", len(program.inputs)),
        output_names=provisional("output", len(program.outputs)),
        optimize=True,
        verbose=False,
        external_data=False,
    )
    assert result is not None
    result.model.graph.sort()  # its inliner may put a bound of Clip behind its use
    return result.model_proto


def _renamed(kind: str, names: Sequence[str]) -> dict[str, str]:
    return dict(zip(provisional(kind, len(names)), names, strict=True))


def check_graph(model: Any) -> None:
    """Raises TargetError unless the ModelProto is valid by the standard."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        text = " ".join(str(error).split())[:500]
        raise TargetError(f"torch.onnx made an invalid graph: {text}", remedy=_REMEDY) from error
