"""Operators that only name the axes anew: no work until somebody needs the order in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobiledeploy.aten.graph import aten
from mobiledeploy.rewrite.axes.atoms import Atoms, atoms_of, size_of
from mobiledeploy.rewrite.axes.regroup import reshaped

if TYPE_CHECKING:
    from mobiledeploy.rewrite.axes.carrier import Carrier
    from mobiledeploy.rewrite.axes.invocation import Handler, Invocation

__all__ = ["HANDLERS"]


def _reshape(call: Invocation) -> Carrier:
    return reshaped(call.sketch, call.carrier(), call.shape)


def _permute(call: Invocation) -> Carrier:
    x = call.carrier()
    return x.with_dims(x.dims[axis] for axis in call["dims"])


def _unsqueeze(call: Invocation) -> Carrier:
    x = call.carrier()
    axis = call["dim"] % (len(x.dims) + 1)
    return x.with_dims((*x.dims[:axis], (), *x.dims[axis:]))


def _squeeze(call: Invocation) -> Carrier:
    x = call.carrier()
    axes = set(call.axes()) if "dim" in call.given else set(range(len(x.dims)))
    return x.with_dims(dim for axis, dim in enumerate(x.dims) if dim or axis not in axes)


def _expand(call: Invocation) -> Carrier:
    """An axis of size 1 gets an atom that the carrier lacks: its values are there once."""
    x = call.carrier()
    dims = _padded(x.dims, len(call.shape))
    return x.with_dims(dim or atoms_of((size,)) for dim, size in zip(dims, call.shape, strict=True))


def _repeat(call: Invocation) -> Carrier:
    """x.repeat(3) of an axis (a,)  ──▶  (3, a), the 3 being broadcast"""
    x = call.carrier()
    times = call["repeats"] if "repeats" in call.given else call["dims"]
    rank = len(call.shape)
    dims = _padded(x.dims, rank)
    return x.with_dims(atoms_of((n,)) + dim for n, dim in zip(_padded_ones(times, rank), dims, strict=True))


def _repeat_interleave(call: Invocation) -> Carrier:
    """x.repeat_interleave(3, dim) of an axis (a,)  ──▶  (a, 3), the 3 being broadcast"""
    x = call.carrier()
    if call["dim"] is None:
        x = reshaped(call.sketch, x, (size_of(x.logical),))
    axis = (call["dim"] or 0) % len(x.dims)
    return x.with_dims((*x.dims[:axis], x.dims[axis] + atoms_of((call["repeats"],)), *x.dims[axis + 1 :]))


def _padded(dims: tuple[Atoms, ...], rank: int) -> tuple[Atoms, ...]:
    return ((),) * (rank - len(dims)) + dims


def _padded_ones(times: Sequence[int], rank: int) -> list[int]:
    return [1] * (rank - len(times)) + list(times)


HANDLERS: dict[Any, Handler] = {
    aten.expand.default: _expand,
    aten.permute.default: _permute,
    aten.repeat.default: _repeat,
    aten.repeat_interleave.self_int: _repeat_interleave,
    aten.reshape.default: _reshape,
    aten.squeeze.default: _squeeze,
    aten.squeeze.dim: _squeeze,
    aten.squeeze.dims: _squeeze,
    aten.tile.default: _repeat,
    aten.unsqueeze.default: _unsqueeze,
}
