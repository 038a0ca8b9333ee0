"""Reductions over axes; no `axes` means all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Semantics

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("reduction")

Axes = tuple[int, ...]
Reduction = Callable[[torch.Tensor, Axes, bool], torch.Tensor]


def _product(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep, dtype=x.dtype)
    return x


def _mean(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    """Integers divide towards zero."""
    if x.is_floating_point():
        return x.mean(axes, keepdim=keep)
    return x.double().mean(axes, keepdim=keep).trunc_().to(x.dtype)


def _root(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    if x.is_floating_point():
        norm: torch.Tensor = torch.linalg.vector_norm(x, 2, axes, keep)
        return norm
    return x.double().square_().sum(axes, keepdim=keep).sqrt_().to(x.dtype)


def _log_sum_exp(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    values = x if x.is_floating_point() else x.double()
    return torch.logsumexp(values, axes, keepdim=keep).to(x.dtype)


def _log_sum(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    values = x if x.is_floating_point() else x.double()
    return values.sum(axes, keepdim=keep).log_().to(x.dtype)


_ARITHMETIC: dict[str, Reduction] = {
    "reduce_l1_norm": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep, dtype=x.dtype),
    "reduce_l2_norm": _root,
    "reduce_log_sum": _log_sum,
    "reduce_log_sum_exp": _log_sum_exp,
    "reduce_mean": _mean,
    "reduce_prod": _product,
    "reduce_sum": lambda x, axes, keep: x.sum(axes, keepdim=keep, dtype=x.dtype),
    "reduce_sum_square": lambda x, axes, keep: x.square().sum(axes, keepdim=keep, dtype=x.dtype),
}

_SELECTION: dict[str, Reduction] = {
    "reduce_max": lambda x, axes, keep: x.amax(axes, keepdim=keep),
    "reduce_min": lambda x, axes, keep: x.amin(axes, keepdim=keep),
}


def _reduction(reduce: Reduction) -> Semantics:
    def bind(call: Call) -> Kernel:
        keep = call.flag("keep_dims", False)
        everything = tuple(range(call.rank("x")))
        axes = call.axes("axes", "x", everything) if call.has("axes") and everything else everything
        if not axes:
            # a scalar has no axes: summing over none leaves it as it is
            return Kernel(("x",), lambda x: reduce(x.reshape(1), (0,), False))
        return Kernel(("x",), lambda x: reduce(x, axes, keep))

    return bind


def _declare() -> None:
    for table, effect in ((_ARITHMETIC, Effect.ARITHMETIC), (_SELECTION, Effect.SELECTION)):
        for name, reduce in table.items():
            FAMILY.operator(name, effect=effect)(_reduction(reduce))


_declare()


def _arg(call: Call, find: Callable[..., torch.Tensor]) -> Kernel:
    axis, keep = call.axis("axis", "x", -1), call.flag("keep_dims", False)
    carrier = call.output_type().dtype.carrier
    return Kernel(("x",), lambda x: find(x, axis, keepdim=keep).to(carrier))


@FAMILY.operator("reduce_argmax", effect=Effect.SELECTION)
def reduce_argmax(call: Call) -> Kernel:
    return _arg(call, torch.argmax)


@FAMILY.operator("reduce_argmin", effect=Effect.SELECTION)
def reduce_argmin(call: Call) -> Kernel:
    return _arg(call, torch.argmin)
