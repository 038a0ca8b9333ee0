"""A module that remembers what it made of its weights: seen with the weights and in the type that it has now."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mobiledeploy.aten.prepare import prepare
from mobiledeploy.pipeline.original import original_runner
from mobiledeploy.sources.caches import forget
from mobiledeploy.sources.resolve import resolve


class Remembering(nn.Module):
    """As LeViT does with its attention biases: the product does not mix float32 and float64."""

    mobiledeploy_inputs = [(1, 4, 8, 8)]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 4)
        self.remembered: dict[str, torch.Tensor] = {}

    def train(self, mode: bool = True) -> nn.Module:
        super().train(mode)
        if mode:
            self.remembered = {}
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or "weight" not in self.remembered:
            self.remembered["weight"] = self.head.weight * 2
        return self.norm(x).mean((2, 3)) @ self.remembered["weight"]


@pytest.fixture
def factory(tmp_path, monkeypatch) -> str:
    module = Remembering().eval()
    module(torch.ones(1, 4, 8, 8))
    monkeypatch.setattr("builtins.remembering", module, raising=False)
    (tmp_path / "net.py").write_text("import builtins\n\ndef made():\n    return builtins.remembering\n")
    return f"{tmp_path / 'net.py'}:made"


@pytest.mark.parametrize("weights", ["auto", "random"])
def test_a_run_after_a_change_sees_the_weights_that_are_there(factory, weights) -> None:
    source = resolve(factory, weights=weights)
    x = torch.linspace(-1, 1, 256).reshape(1, 4, 8, 8)
    with torch.no_grad():
        expected = source.module.norm(x).mean((2, 3)) @ (source.module.head.weight * 2)
        torch.testing.assert_close(source.module(x), expected, rtol=0, atol=0)


def test_the_original_is_run_in_float64_and_in_float32_again(factory) -> None:
    source = resolve(factory, weights="random")
    prepared = prepare(source.module, source.inputs, None)
    x = torch.linspace(-1, 1, 256).reshape(1, 4, 8, 8)
    run = original_runner(prepared)
    first, second = run((x.numpy(),)), run((x.numpy(),))
    np.testing.assert_array_equal(first[0], second[0])
    with torch.no_grad():
        (again,) = prepared(x)
    assert again.dtype is torch.float32
    np.testing.assert_allclose(first[0], again.numpy(), rtol=0, atol=1e-6)


def test_forgetting_leaves_eval_mode() -> None:
    module = nn.Sequential(Remembering(), nn.Dropout()).train()
    forget(module)
    assert not any(child.training for child in module.modules())
    assert module[0].remembered == {}
