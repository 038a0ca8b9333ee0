"""Small networks that float16 breaks, each in another way, and their two precisions side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mobiledeploy.mil.loading import load
from mobiledeploy.parity.blend import blend_of
from mobiledeploy.parity.check import check, standard_for
from mobiledeploy.parity.trial import Trial
from mobiledeploy.records import InputSpec, ParityReport

INPUTS = (InputSpec("x", (1, 3, 32, 32)),)


def seeded(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return module.eval()


class LinearAttention(nn.Module):
    """relu(q) (relu(k)^T v) over relu(q) sum(relu(k)): numerator and denominator pass 65504, their quotient is small
    (Katharopoulos et al. 2020). The rest is harmless."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.qkv = nn.Conv2d(8, 24, 1)
        self.head = nn.Linear(8, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.stem(x))
        q, k, v = self.qkv(x).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        q, k = torch.relu(q) * 20.0 + 1.0, torch.relu(k) * 20.0 + 1.0
        state = k.transpose(1, 2) @ v
        total = k.sum(1, keepdim=True).transpose(1, 2)
        x = (q @ state) / (q @ total)
        return self.head(torch.tanh(x).mean(1))


class Saturated(nn.Module):
    """Scores far beyond 65504 that a softmax cuts down to zeros and ones, and an overflow that harms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))
        gate = torch.sigmoid((x + 2.0) * 6e4)  # overflows to 1, as it should
        square = x * 300.0
        return gate * torch.sqrt(square * square + 1.0)  # overflows to infinity


class Cancellation(nn.Module):
    """A small difference of large numbers: nothing overflows, the bits are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))
        shifted = torch.sin(x) + 10000.0
        return torch.relu(shifted - 10000.0)


class Harmless(nn.Module):
    """Nothing that float16 minds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


@dataclass(frozen=True)
class Opened:
    """`report`: of the float16 package. `converted`: of the `convert` fixture, by precision."""

    trial: Trial
    report: ParityReport
    half: Any
    full: Any

    @property
    def names(self) -> tuple[str, ...]:
        return self.trial.blend.choices


def opened(
    convert: Callable[..., Any], module: nn.Module, bar_db: float = 40.0, inputs: tuple[InputSpec, ...] = INPUTS
) -> Opened:
    half = convert(seeded(module), inputs)
    full = convert(module, inputs, precision="float32")
    report = check(half.path, half.reference, inputs, runner="mil", precision="float16", bar_db=bar_db)
    model = load(half.path)
    blend = blend_of(model.function, load(full.path).function)
    trial = Trial(blend, model, inputs, half.reference, standard_for(inputs, "mixed", bar_db))
    return Opened(trial, report, half, full)
