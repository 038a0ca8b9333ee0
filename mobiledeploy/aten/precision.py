"""Floating point of any width becomes float32: what the targets are given, and round to their own precision.

half(x) ── linear(·, w_bf16) ── float   ──▶   x ── linear(·, w)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unify_precision"]


def unify_precision(module: fx.GraphModule) -> None:
    """Every constant, dtype argument and inferred type of floating point becomes float32."""
    if all(dtype is torch.float32 for node in module.graph.nodes for dtype in _float_types(node)):
        return
    for name, value in module.named_buffers(recurse=False):
        if value.is_floating_point():
            setattr(module, name, value.float())
    fake_mode = next(node.meta["val"].fake_mode for node in module.graph.nodes if node.op == "placeholder")
    with fake_mode:
        for node in module.graph.nodes:
            if node.op == "call_function":
                node.args, node.kwargs = fx.node.map_aggregate((node.args, node.kwargs), _single)
            if node.meta.get("val") is not None:
                _infer(node)


def _float_types(node: fx.Node) -> Iterator[torch.dtype]:
    value = node.meta.get("val")
    for tensor in value if isinstance(value, tuple | list) else (value,):
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            yield tensor.dtype


def _single(argument: Any) -> Any:
    return torch.float32 if isinstance(argument, torch.dtype) and argument.is_floating_point else argument


def _infer(node: fx.Node) -> None:
    value = node.meta.get("val")
    if node.op in ("placeholder", "get_attr") and value.is_floating_point():  # type: ignore[union-attr]
        node.meta["val"] = value.float()  # type: ignore[union-attr]
    elif node.op == "call_function":
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: n.meta["val"])
        node.meta["val"] = node.target(*args, **kwargs)  # type: ignore[operator]
