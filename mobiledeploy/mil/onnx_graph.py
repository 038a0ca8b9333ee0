"""A program as an ONNX graph, by `torch.export` and `torch.onnx`.

    ProgramModule ──torch.export──▶ ExportedProgram ──torch.onnx──▶ ModelProto, opset 20

A state is an input and, behind the outputs, an output: the graph keeps nothing. Where the module rounds to fp16, the
graph has a pair of Casts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.mil.exported import exported_program, first_reason, silent

if TYPE_CHECKING:
    from mobiledeploy.mil.module import ProgramModule

__all__ = ["OPSET", "onnx_bytes"]

# ONNX 1.15: the first with Gelu as one operator
OPSET = 20
# a protobuf message holds less than 2 GiB
_LARGEST = 2**31 - 2**25
_REMEDY = "Load it with backend='torch', which executes every operator."


def onnx_bytes(module: ProgramModule, values: Sequence[torch.Tensor]) -> bytes:
    """The graph for `values`: the inputs in the module's order, then the states in the order of `state_names`. It takes
    them, and gives the module's outputs and then the states after the call, in this order too.

    Raises UnsupportedError where the program cannot be captured, an operator has no form in ONNX, or the weights are
    too large for one file.
    """
    size = sum(constant.numel() * constant.element_size() for constant in module.constants.buffers())
    if size > _LARGEST:
        raise UnsupportedError(
            f"the weights take {size / 2**30:.1f} GiB, and one ONNX graph holds less than 2 GiB", remedy=_REMEDY
        )
    # onnxscript takes 0.3 s to import
    from mobiledeploy.mil.onnx_sorting import TRANSLATIONS

    exported = exported_program(_Pure(module), tuple(values))
    try:
        with silent():
            result = torch.onnx.export(
                exported,
                dynamo=True,
                opset_version=OPSET,
                input_names=[f"input.{index}" for index in range(len(values))],
                output_names=[f"output.{index}" for index in range(len(module.output_names) + len(module.state_names))],
                custom_translation_table=TRANSLATIONS,
                optimize=True,
                verbose=False,
            )
            assert result is not None
            result.model.graph.sort()  # its inliner may put a bound of Clip behind its use
            return bytes(result.model_proto.SerializeToString(deterministic=True))
    except Exception as error:  # torch.onnx wraps whatever its translations meet
        what = f"the program cannot be translated to ONNX: {first_reason(error)}"
        raise UnsupportedError(what, remedy=_REMEDY) from error


class _Pure(nn.Module):
    """The program as a function of its inputs and states."""

    def __init__(self, program: ProgramModule) -> None:
        super().__init__()
        self.program = program

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        count = len(self.program.input_names)
        states = dict(zip(self.program.state_names, values[count:], strict=True))
        outputs, written = self.program.compute(values[:count], states)
        # a result that is an input or a constant needs a node of its own for its name to stand for
        return tuple(value.clone() for value in (*outputs.values(), *written.values()))
