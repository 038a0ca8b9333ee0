"""Modules from functions, and their captured programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program


class Calls(nn.Module):
    """`function(module, *inputs)` as a module that owns `layers`: modules, parameters and buffers."""

    def __init__(self, function: Callable[..., object], **layers: object) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            if isinstance(layer, torch.Tensor) and not isinstance(layer, nn.Parameter):
                self.register_buffer(name, layer)
            else:
                setattr(self, name, layer)

    def forward(self, *inputs: torch.Tensor) -> object:
        return self.function(self, *inputs)


@pytest.fixture(scope="session")
def calls() -> type[Calls]:
    return Calls


@pytest.fixture(scope="session")
def captured() -> Callable[..., Program]:
    def run(module: nn.Module, *shapes: tuple[int, ...]) -> Program:
        inputs = tuple(InputSpec(f"x{number}", shape) for number, shape in enumerate(shapes))
        return capture(prepare(module, inputs), inputs)

    return run


@pytest.fixture(scope="session")
def operators() -> Callable[[Program], list[str]]:
    """Names of the calls with their overloads, in graph order."""
    return lambda program: [
        str(node.target).removeprefix("aten.") for node in program.graph.nodes if node.op == "call_function"
    ]
