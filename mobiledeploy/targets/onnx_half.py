"""An ONNX graph in float16 with float32 inputs and outputs.

    x: float32 ──▶ f(w: float32) ──▶ y: float32
    x: float32 ──▶ Cast ──▶ f(w: float16): float16 ──▶ Cast ──▶ y: float32

By onnxruntime's own converter (its `transformers.float16`), which knows the inputs that the standard keeps in float32.
A runtime without a float16 kernel for an operator computes it in float32 and rounds: the rounding is the same.
"""

from __future__ import annotations

from typing import Any

import onnx_ir
from onnxruntime.transformers.float16 import convert_float_to_float16

__all__ = ["to_float16"]


def to_float16(model: Any) -> Any:
    """The same ModelProto in float16; `model` itself may be changed."""
    half = convert_float_to_float16(model, keep_io_types=True)
    # The converter appends the casts of the inputs after their first use, which the standard forbids.
    graph = onnx_ir.from_proto(half)
    graph.graph.sort()
    return onnx_ir.to_proto(graph)
