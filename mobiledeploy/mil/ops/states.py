"""Values that outlive a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset

if TYPE_CHECKING:
    import torch

    from mobiledeploy.mil.call import Call
    from mobiledeploy.mil.state import StateBuffer

__all__ = ["FAMILY"]

FAMILY = Family("states")


@FAMILY.operator("read_state", effect=Effect.MOVEMENT, since=Opset.IOS18)
def read_state(_: Call) -> Kernel:
    return Kernel(("input",), lambda buffer: buffer.value)


@FAMILY.operator("write_state", effect=Effect.MOVEMENT, since=Opset.IOS18)
def write_state(_: Call) -> Kernel:
    """Keeps the data itself: from here on it shares memory with the state, which is never overwritten."""

    def run(buffer: StateBuffer, data: torch.Tensor) -> tuple[()]:
        buffer.value = data
        return ()

    return Kernel(("input", "data"), run)


@FAMILY.operator("coreml_update_state", effect=Effect.MOVEMENT, since=Opset.IOS18)
def update_state(_: Call) -> Kernel:
    def run(buffer: StateBuffer, value: torch.Tensor) -> torch.Tensor:
        buffer.value = value
        return buffer.value

    return Kernel(("state", "value"), run)
