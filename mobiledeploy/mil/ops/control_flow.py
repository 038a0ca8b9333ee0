"""Branches and loops: nested blocks, which take their own inputs and whatever they read from around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobiledeploy.mil.operator import Effect, Family, Kernel

if TYPE_CHECKING:
    import torch

    from mobiledeploy.mil.call import Call
    from mobiledeploy.mil.executor import BoundBlock, Listener

__all__ = ["FAMILY", "MAX_ITERATIONS"]

FAMILY = Family("control_flow")

# far more than any model needs; a damaged or hostile loop must end
MAX_ITERATIONS = 1_000_000


def _blocks(call: Call) -> tuple[BoundBlock, BoundBlock]:
    if len(call.blocks) != 2:
        raise call.invalid(f"it has {len(call.blocks)} blocks, expected 2")
    return call.blocks[0], call.blocks[1]


def _packed(outputs: Sequence[Any]) -> Any:
    """As a kernel returns its outputs: a single one bare."""
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


@FAMILY.operator("cond", effect=Effect.MOVEMENT)
def cond(call: Call) -> Kernel:
    """The first block where `pred` holds, else the second."""
    then, other = _blocks(call)
    taken = len(then.captures)

    def run(listener: Listener | None, pred: torch.Tensor, *captures: Any) -> Any:
        if bool(pred):
            return _packed(then.run(captures[:taken], listener))
        return _packed(other.run(captures[taken:], listener))

    return Kernel(("pred",), run)


@FAMILY.operator("while_loop", effect=Effect.MOVEMENT)
def while_loop(call: Call) -> Kernel:
    """While the first block gives True for the loop variables, the second gives their new values."""
    condition, body = _blocks(call)
    count = len(call.operation.outputs)
    if any(len(block.inputs) - len(block.captures) != count for block in (condition, body)):
        raise call.invalid(f"its blocks do not take its {count} loop variables")
    taken = count + len(condition.captures)

    def run(listener: Listener | None, *arguments: Any) -> Any:
        variables: Sequence[Any] = arguments[:count]
        for_condition, for_body = arguments[count:taken], arguments[taken:]
        for _ in range(MAX_ITERATIONS):
            if not bool(condition.run((*variables, *for_condition), listener)[0]):
                return _packed(variables)
            variables = body.run((*variables, *for_body), listener)
        raise ValueError(f"the loop does not end within {MAX_ITERATIONS} iterations")

    return Kernel(("loop_vars",), run)
