"""Normalizations written out by hand become the operator that they are, and nothing that resembles one does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mobiledeploy.rewrite.rules.norms import NameNorms

RULES = (NameNorms(),)
EPS = 1e-5


def layer_norm(x: torch.Tensor) -> torch.Tensor:
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + EPS)


WRITTEN = [
    ("layer_norm", layer_norm),
    ("layer_norm", lambda x: (x - x.mean(2, keepdim=True)) * torch.rsqrt(x.var(2, keepdim=True, unbiased=False) + EPS)),
    ("layer_norm", lambda x: (x - x.mean((1, 2), keepdim=True)) / (x.var((1, 2), False, keepdim=True) + EPS).sqrt()),
    (
        "layer_norm",
        lambda x: (x - x.mean(-1, True)) / ((x * x).mean(-1, True) - x.mean(-1, True).pow(2) + 1e-3).pow(0.5),
    ),
    ("rms_norm", lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS)),
    ("rms_norm", lambda x: x / torch.sqrt((x * x).sum(-1, keepdim=True) / 6 + 1e-6)),
    ("softmax", lambda x: x.exp() / x.exp().sum(-1, keepdim=True)),
    ("softmax", lambda x: torch.exp(x - x.amax(1, True)) / torch.exp(x - x.amax(1, True)).sum(1, keepdim=True)),
]


@pytest.mark.parametrize(("operator", "function"), WRITTEN)
def test_a_written_norm_becomes_one_operator(rewritten, calls, operator, function) -> None:
    outcome = rewritten(calls(lambda _, x: function(x)), (2, 4, 6), rules=RULES)
    assert outcome.operators == [operator]
    assert outcome.record("name-norms").matches == 1


class Norm(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bias + self.weight * layer_norm(x)


@pytest.mark.parametrize("shape", [(6,), (1, 1, 6), (1, 6)])
def test_the_affine_part_goes_in(rewritten, shape) -> None:
    outcome = rewritten(Norm(shape), (2, 4, 6), rules=RULES)
    assert outcome.operators == ["layer_norm"]
    (call,) = outcome.calls("layer_norm")
    assert call.args[2] is not None
    assert call.args[3] is not None


def test_a_weight_along_another_axis_stays_behind(rewritten) -> None:
    assert rewritten(Norm((4, 1)), (2, 4, 6), rules=RULES).operators == ["layer_norm", "mul", "add"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x - x.mean(-1, True)) / (x.var(-1, keepdim=True) + EPS).sqrt(),
        lambda x: (x - x.mean(-1, True)) / (x.var(-1, False, keepdim=True).sqrt() + EPS),
        lambda x: (x - x.mean(1, True)) / (x.var(1, False, keepdim=True) + EPS).sqrt(),
        lambda x: (x - x.mean(-1, True)) / (x.var(1, False, keepdim=True) + EPS).sqrt(),
        lambda x: x.exp() / x.exp().sum(-1, keepdim=True).sqrt(),
        lambda x: x / (x.pow(2).sum(-1, keepdim=True) + EPS).sqrt(),
        lambda x: x.exp() / (x.exp().sum(-1, keepdim=True) + 1e-12),
        lambda x: (x - x.mean(-1, True)) / (x.var(-1, False, keepdim=True) + EPS).sqrt().clamp(min=1e-12),
    ],
)
def test_what_is_nearly_a_norm_is_left_alone(rewritten, calls, function) -> None:
    """An unbiased variance, an epsilon beside the deviation, another axis, two axes, another root, a sum, and
    numbers that keep something from zero."""
    outcome = rewritten(calls(lambda _, x: function(x)), (2, 4, 6), rules=RULES)
    assert outcome.record("name-norms").matches == 0


def test_a_norm_whose_mean_is_an_output_is_refused_with_the_reason(rewritten, calls) -> None:
    def shared(_: object, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = x.mean(-1, keepdim=True)
        return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + EPS), mean

    outcome = rewritten(calls(shared), (2, 4, 6), rules=RULES)
    assert outcome.record("name-norms").matches == 0
    assert outcome.reasons("name-norms") == ["parts of the normalization are read elsewhere, too"]
