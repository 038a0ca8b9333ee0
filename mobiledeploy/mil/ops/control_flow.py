"""Branches and loops: nested blocks, which take their own inputs and whatever they read from around them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call
    from mobiledeploy.mil.executor import BoundBlock, Listener

__all__ = ["FAMILY", "MAX_ITERATIONS"]

FAMILY = Family("control_flow")

# far more than any model needs; a damaged or hostile loop must end, and so must one that it stands in
MAX_ITERATIONS = 1_000_000
MAX_SECONDS = 300.0


@dataclass
class _Allowance:
    """What is left for the outermost loop that runs, with all loops in it: iterations, and the time when it is over."""

    iterations: int
    deadline: float

    def spend(self, call: Call) -> None:
        """One iteration. Raises PackageError where none is left."""
        self.iterations -= 1
        if self.iterations < 0:
            raise call.invalid(f"the loop does not end within {MAX_ITERATIONS} iterations")
        if time.monotonic() > self.deadline:
            raise call.invalid(f"the loop does not end within {MAX_SECONDS:.0f} s")


_ALLOWANCE: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def _allowance() -> Iterator[_Allowance]:
    """That of the loop around, or a new one."""
    if (around := _ALLOWANCE.get()) is not None:
        yield around
        return
    allowance = _Allowance(MAX_ITERATIONS, time.monotonic() + MAX_SECONDS)
    token = _ALLOWANCE.set(allowance)
    try:
        yield allowance
    finally:
        _ALLOWANCE.reset(token)


def _blocks(call: Call, inputs: int, outputs: tuple[int, int]) -> tuple[BoundBlock, BoundBlock]:
    """The two nested blocks, each with as many own inputs and with as many outputs as the operator needs."""
    wanted = [(inputs, count) for count in outputs]
    if [(len(block.inputs) - len(block.captures), len(block.outputs)) for block in call.blocks] != wanted:
        raise call.invalid("its blocks do not fit its inputs and outputs")
    return call.blocks[0], call.blocks[1]


def _packed(outputs: Sequence[Any]) -> Any:
    """As a kernel returns its outputs: a single one bare."""
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _holds(call: Call, condition: Any) -> bool:
    if not isinstance(condition, torch.Tensor) or condition.numel() != 1:
        raise call.invalid("its condition is not a single truth value")
    return bool(condition)


@FAMILY.operator("cond", effect=Effect.MOVEMENT)
def cond(call: Call) -> Kernel:
    """The first block where `pred` holds, else the second."""
    count = len(call.operation.outputs)
    then, other = _blocks(call, 0, (count, count))
    taken = len(then.captures)

    def run(listener: Listener | None, pred: torch.Tensor, *captures: Any) -> Any:
        if _holds(call, pred):
            return _packed(then.run(captures[:taken], listener))
        return _packed(other.run(captures[taken:], listener))

    return Kernel(("pred",), run)


@FAMILY.operator("while_loop", effect=Effect.MOVEMENT)
def while_loop(call: Call) -> Kernel:
    """While the first block gives True for the loop variables, the second gives their new values.

    A loop, together with the loops in it, may take `MAX_ITERATIONS` and `MAX_SECONDS`; then PackageError says so.
    """
    count = len(call.operation.outputs)
    condition, body = _blocks(call, count, (1, count))
    if len(call.types.get("loop_vars", ())) != count:
        raise call.invalid(f"it has {len(call.types.get('loop_vars', ()))} loop variables and {count} outputs")
    taken = count + len(condition.captures)

    def run(listener: Listener | None, *arguments: Any) -> Any:
        variables: Sequence[Any] = arguments[:count]
        for_condition, for_body = arguments[count:taken], arguments[taken:]
        with _allowance() as allowance:
            while _holds(call, condition.run((*variables, *for_condition), listener)[0]):
                allowance.spend(call)
                variables = body.run((*variables, *for_body), listener)
        return _packed(variables)

    return Kernel(("loop_vars",), run)
