"""Small programs to convert, and what a converted file says and computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec, Preprocessing

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = [
    "IMAGE",
    "IMAGENET",
    "TENSOR",
    "Classifier",
    "example",
    "largest_difference",
    "operations_of",
    "program_of",
    "specification_of",
]

IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
IMAGE = InputSpec("image", (1, 3, 16, 12), kind="image", preprocessing=IMAGENET)
TENSOR = InputSpec("x", (1, 3, 8, 8))


class Function(nn.Module):
    """A module of one function of its inputs, with some weights to play with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(self, *inputs)


class Classifier(nn.Module):
    """Convolution, activation, pooling, matrix: four classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(image)).mean((2, 3)))


def program_of(
    module: nn.Module | Callable[..., Any], *specs: InputSpec, labels: tuple[str, ...] | None = None
) -> Program:
    made = module if isinstance(module, nn.Module) else Function(module)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    specs = specs or (TENSOR,)
    return capture(prepare(made.eval(), specs, labels), specs)


def example(spec: InputSpec) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if spec.kind == "image":
        return torch.randint(0, 256, spec.shape, generator=generator).float()
    dtype = getattr(torch, spec.dtype)
    if dtype.is_floating_point:
        return torch.randn(spec.shape, generator=generator).to(dtype)
    return torch.randint(0, 2, spec.shape, generator=generator).to(dtype)


def specification_of(package: Path) -> Any:
    from coremltools.proto import Model_pb2

    return Model_pb2.Model.FromString((package / "Data/com.apple.CoreML/model.mlmodel").read_bytes())


def operations_of(package: Path) -> list[str]:
    """The operators of the program but its constants, in order."""
    main = specification_of(package).mlProgram.functions["main"]
    (block,) = main.block_specializations.values()
    return [operation.type for operation in block.operations if operation.type != "const"]


def largest_difference(got: Any, expected: torch.Tensor) -> float:
    difference = np.asarray(got, dtype=np.float64).reshape(expected.shape) - expected.double().numpy()
    return float(np.abs(difference).max())
