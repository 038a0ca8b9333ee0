"""A translation that torch.onnx lacks: sorting that keeps the order of equal elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import opset20 as op

__all__ = ["TRANSLATIONS"]


def _stable_sort(self: Any, stable: bool | None = None, dim: int = -1, descending: bool = False) -> Any:
    """TopK of all elements. Of equal ones the first comes first, as its specification says and torch's stable order.
    torch.onnx calls it with the names of aten.sort's parameters."""
    del stable
    count = op.Gather(op.Shape(self), op.Constant(value_ints=[dim]))
    return op.TopK(self, count, axis=dim, largest=descending, sorted=True)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {torch.ops.aten.sort.stable: _stable_sort}
"""For torch.onnx.export's `custom_translation_table`."""
