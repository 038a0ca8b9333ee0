"""Channels are followed through any chain of movement."""

from __future__ import annotations

import math

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from mobiledeploy.rewrite.rules.constants import FoldConstants
from mobiledeploy.rewrite.rules.fold_scales import FoldScales

RULES = (FoldConstants(), FoldScales())
EXAMPLES = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def movements(draw: st.DrawFn, shape: tuple[int, ...], length: int) -> tuple[list[tuple[str, object]], tuple[int, ...]]:
    """Random operators that only move data, and the shape they end in."""
    chain: list[tuple[str, object]] = []
    for _ in range(length):
        kind = draw(st.sampled_from(["permute", "reshape", "flip", "slice", "unbind", "split", "unsqueeze", "roll"]))
        axis = draw(st.integers(0, len(shape) - 1))
        probe = torch.empty(shape, device="meta")
        argument: object = axis
        if kind == "permute":
            argument = tuple(draw(st.permutations(range(len(shape)))))
        elif kind == "reshape":
            argument = draw(st.sampled_from(_factorizations(math.prod(shape))))
        elif kind == "slice":
            argument = (axis, draw(st.integers(0, shape[axis] - 1)), draw(st.integers(1, 2)))
        elif kind in ("unbind", "split"):
            argument = (axis, draw(st.integers(0, shape[axis] - 1)))
        if len(shape) > 4 and kind == "unsqueeze":
            continue
        moved = move(probe, kind, argument)
        if moved.dim() < 2:
            continue
        chain.append((kind, argument))
        shape = tuple(moved.shape)
    return chain, shape


def _factorizations(size: int) -> list[tuple[int, ...]]:
    pairs = [(a, size // a) for a in range(1, size + 1) if size % a == 0]
    return pairs + [(a, b, size // a // b) for a, rest in pairs for b in range(1, rest + 1) if rest % b == 0]


def move(x: torch.Tensor, kind: str, argument) -> torch.Tensor:
    match kind:
        case "permute":
            return x.permute(argument)
        case "reshape":
            return x.reshape(argument)
        case "flip":
            return x.flip(argument)
        case "roll":
            return x.roll(1, argument)
        case "unsqueeze":
            return x.unsqueeze(argument)
        case "slice":
            axis, start, step = argument
            return x[(slice(None),) * axis + (slice(start, None, step),)]
        case "unbind":
            return x.unbind(argument[0])[argument[1]]
        case _:
            return x.split(1, argument[0])[argument[1]]


class Backward(nn.Module):
    def __init__(self, layer: nn.Module, chain, scale: torch.Tensor, shift: torch.Tensor) -> None:
        super().__init__()
        self.layer, self.chain = layer, chain
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        for kind, argument in self.chain:
            y = move(y, kind, argument)
        return torch.tanh(y * self.scale + self.shift)


@EXAMPLES
@given(st.data())
def test_a_scale_behind_any_chain_folds_exactly_where_each_channel_has_one_value(rewritten, data) -> None:
    """The expectation is computed apart: push the channel numbers through the module's own operators."""
    layer, shape = data.draw(
        st.sampled_from(
            [
                (nn.Conv2d(2, 6, 1), (1, 2, 2, 3)),
                (nn.Linear(2, 6), (2, 3, 2)),
                (nn.LayerNorm(6), (2, 2, 6)),
                (nn.GroupNorm(3, 6), (2, 6, 4)),
                (nn.BatchNorm1d(6), (2, 6, 2)),
            ]
        )
    )
    with torch.no_grad():
        made = layer(torch.randn(shape))
    chain, ended = data.draw(movements(tuple(made.shape), data.draw(st.integers(0, 4))))
    axis = data.draw(st.integers(0, len(ended) - 1))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 9)))
    sizes = tuple(ended[axis] if i == axis else 1 for i in range(len(ended)))
    scale, shift = (torch.randn(sizes, generator=generator) for _ in range(2))
    if data.draw(st.booleans()):
        scale, shift = torch.full(sizes, 1.5), torch.full(sizes, -0.5)
    channel_axis = made.dim() - 1 if isinstance(layer, nn.Linear | nn.LayerNorm) else 1
    numbers = torch.arange(6).reshape(-1, *[1] * (made.dim() - 1 - channel_axis)).expand(made.shape)
    for kind, argument in chain:
        numbers = move(numbers, kind, argument)
    values = torch.stack([scale.expand(ended), shift.expand(ended)], -1).reshape(-1, 2)
    per_channel = [torch.unique(values[numbers.flatten() == c], dim=0) for c in range(6)]
    folds = all(len(unique) <= 1 for unique in per_channel)
    outcome = rewritten(Backward(layer, chain, scale, shift), shape, rules=RULES)
    elementwise = {"mul", "add"} & set(outcome.operators)
    assert (not elementwise) == folds
    refused = {refusal.node for refusal in outcome.record("fold-scales").refusals}
    assert refused >= {node.name for node in outcome.calls("mul")}


class Forward(nn.Module):
    def __init__(self, chain, scale: torch.Tensor, features: int) -> None:
        super().__init__()
        self.chain, self.layer = chain, nn.Linear(features, 5)
        self.register_buffer("scale", scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tanh(x) * self.scale
        for kind, argument in self.chain:
            y = move(y, kind, argument)
        return self.layer(y)


@EXAMPLES
@given(st.data())
def test_a_scale_before_any_chain_folds_exactly_where_each_column_has_one_value(rewritten, data) -> None:
    shape = (2, 3, 4)
    chain, ended = data.draw(movements(shape, data.draw(st.integers(0, 4))))
    axis = data.draw(st.integers(0, 2))
    sizes = tuple(shape[axis] if i == axis else 1 for i in range(3))
    scale = torch.randn(sizes, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 9))))
    moved = scale.expand(shape)
    for kind, argument in chain:
        moved = move(moved, kind, argument)
    columns = moved.reshape(-1, ended[-1])
    folds = bool((columns == columns[:1]).all())
    outcome = rewritten(Forward(chain, scale, ended[-1]), shape, rules=RULES)
    assert ("mul" not in outcome.operators) == folds
