"""Packages that no export of ours made: written with coremltools by hand."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from torch import nn

__all__ = ["foreign"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(x).relu().mean((2, 3)))


class Probabilities(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (3 * super().forward(x)).softmax(1)


class Painter(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * 0.5 + 60).clamp(0, 255)


class Keeps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.kept.add_(x)
        return self.kept * 2


class Total(nn.Module):
    def forward(self, picture: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        return picture.mean() + counts.float().sum()


class Infinite(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x - 10)


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


PICTURE = torch.rand(1, 3, 32, 32)
SHAPES = ct.EnumeratedShapes([(1, 3, 32, 32), (1, 3, 48, 64)], default=(1, 3, 32, 32))
LABELS = ["crane", "dog", "crane", "cat"]


def foreign(kind: str, folder: Path) -> Path:
    """One of KINDS, as a package in `folder`."""
    module, example, options = KINDS[kind]
    path = folder / f"{kind}{'.mlmodel' if options.get('convert_to') == 'neuralnetwork' else '.mlpackage'}"
    chosen: dict[str, Any] = {"convert_to": "mlprogram"} | options
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.trace", DeprecationWarning)
        warnings.filterwarnings("ignore", "overflow encountered in cast", RuntimeWarning)
        warnings.filterwarnings("ignore", ".*has been renamed to", UserWarning)
        program = torch.jit.trace(module().eval(), example, check_trace=False)
        ct.convert(program, skip_model_load=True, **chosen).save(str(path))
    return path


KINDS: dict[str, Any] = {
    "arrays": (Net, PICTURE, {"inputs": [ct.TensorType("x", (1, 3, 32, 32))], "outputs": [ct.TensorType("y")]}),
    "classifier": (
        Probabilities,
        PICTURE,
        {
            "inputs": [ct.ImageType("picture", (1, 3, 32, 32), scale=1 / 255)],
            "classifier_config": ct.ClassifierConfig(LABELS),
        },
    ),
    "enumerated": (Net, PICTURE, {"inputs": [ct.ImageType("picture", SHAPES)]}),
    "enumerated_arrays": (Net, PICTURE, {"inputs": [ct.TensorType("x", SHAPES)]}),
    "between": (
        Net,
        PICTURE,
        {"inputs": [ct.ImageType("picture", ct.Shape((1, 3, ct.RangeDim(16, 64, 32), ct.RangeDim(16, 96, 32))))]},
    ),
    "older": (Net, PICTURE, {"inputs": [ct.ImageType("picture", (1, 3, 32, 32))], "convert_to": "neuralnetwork"}),
    "painter": (
        Painter,
        PICTURE,
        {
            "inputs": [ct.ImageType("picture", (1, 3, 32, 32))],
            "outputs": [ct.ImageType("painted")],
            "compute_precision": ct.precision.FLOAT32,
        },
    ),
    "keeps": (
        Keeps,
        torch.rand(3),
        {
            "inputs": [ct.TensorType("x", (3,))],
            "states": [ct.StateType(ct.TensorType(shape=(3,)), name="kept")],
            "minimum_deployment_target": ct.target.iOS18,
        },
    ),
    "scalar": (
        Total,
        (torch.rand(1, 1, 32, 32), torch.ones(3, dtype=torch.int32)),
        {
            "inputs": [
                ct.ImageType("picture", (1, 1, 32, 32), color_layout=ct.colorlayout.GRAYSCALE_FLOAT16),
                ct.TensorType("counts", (3,), dtype=np.int32),
            ],
            "minimum_deployment_target": ct.target.iOS16,
        },
    ),
    "after": (
        Twice,
        torch.rand(1, 4),
        {"inputs": [ct.TensorType("y", (1, 4))], "outputs": [ct.TensorType("z")]},
    ),
    "infinite": (Infinite, torch.rand(4), {"inputs": [ct.TensorType("x", (4,))]}),
}
