"""Numbers that the format's types cannot hold, found before they silently become infinite or wrap around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.aten.graph import aten, is_call, source_line
from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from torch import fx

    from mobiledeploy.aten.program import Program

__all__ = ["check_half_weights", "check_int32_constants"]

LARGEST_HALF = torch.finfo(torch.float16).max
INT32 = torch.iinfo(torch.int32)

# Operators of which every constant is a weight. Elsewhere a huge constant may be meant to overflow, as -1e9 in a mask.
_LINEAR = (
    aten.batch_norm,
    aten.conv1d,
    aten.conv2d,
    aten.conv3d,
    aten.conv_transpose1d,
    aten.conv_transpose2d,
    aten.conv_transpose3d,
    aten.group_norm,
    aten.layer_norm,
    aten.linear,
    aten.matmul,
    aten.rms_norm,
)


def check_half_weights(program: Program) -> None:
    """Raises TargetError for a finite weight of a linear map or norm beyond float16's range."""
    for node in _constants(program):
        users = [user for user in node.users if is_call(user, *_LINEAR)]
        largest = _largest(program.constant(node)) if users else 0.0
        if largest > LARGEST_HALF:
            raise TargetError(
                f"the weight `{node.target}` holds {largest:.3g}, beyond float16's largest number {LARGEST_HALF:.0f}",
                where=source_line(users[0]),
                remedy="Give --precision mixed or float32, or scale that weight.",
            )


def check_int32_constants(program: Program) -> None:
    """Raises TargetError for an integer constant that 32 bits do not hold: Core ML has no wider integers."""
    for node in _constants(program):
        value = program.constant(node)
        if value.dtype is torch.int64 and value.numel() and not INT32.min <= value.min() <= value.max() <= INT32.max:
            raise _too_wide(f"the constant `{node.target}` holds integers beyond 32 bits", next(iter(node.users)))
    for node in program.graph.nodes:
        if node.op == "call_function" and is_call(node, aten.add, aten.mul, aten.sub) and _is_integer(node):
            for argument in node.args:
                if type(argument) is int and not INT32.min <= argument <= INT32.max:
                    raise _too_wide(f"{node.name} computes with {argument}, which takes more than 32 bits", node)


def _too_wide(what: str, node: fx.Node) -> TargetError:
    remedy = "Core ML's integers have 32 bits: keep to them, or compute in floating point."
    return TargetError(what, where=source_line(node), remedy=remedy)


def _constants(program: Program) -> Iterator[fx.Node]:
    return (node for node in program.graph.nodes if node.op == "get_attr" and node.users)


def _largest(value: Any) -> float:
    if not value.is_floating_point() or not value.numel():
        return 0.0
    return float(torch.where(torch.isfinite(value), value, 0).abs().max())


def _is_integer(node: fx.Node) -> bool:
    value = node.meta["val"]
    return not value.is_floating_point() and not value.is_complex()
