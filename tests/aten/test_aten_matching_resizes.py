"""A resize that one size needs stands in the programs of all, and changes nothing where it was not needed."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.matching_resizes import match_resizes
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec


class Even(nn.Module):
    """Resizes odd features to even ones and back, as MobileViT does."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.mode = mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        skip, size = x, x.shape[2:]
        even = tuple(side + side % 2 for side in size)
        if even != size:
            x = F.interpolate(x, size=even, mode=self.mode)
        x = x.flatten(2).softmax(-1).reshape(x.shape)
        if even != size:
            x = F.interpolate(x, size=size, mode=self.mode)
        return x + skip


def programs(module, *sizes):
    made = []
    for size in sizes:
        spec = (InputSpec("x", (1, 3, *size)),)
        made.append(capture(prepare(module.eval(), spec), spec))
    return made


def operators(program):
    return [str(node.target).split(".")[1] for node in program.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_every_program_gets_the_resizes_of_the_others(mode) -> None:
    module = Even(mode)
    odd, even = programs(module, (10, 10), (12, 16))
    assert len(operators(odd)) == len(operators(even)) + 2
    x = torch.randn(1, 3, 12, 16)
    (before,) = even.graph_module(x)
    match_resizes([even, odd])
    assert operators(even) == operators(odd)
    (after,) = even.graph_module(x)
    assert torch.equal(before, after), "a resize to the own size is exact"
    assert [node.meta["val"].shape[2:] for node in even.graph.nodes if "upsample" in str(node.target)] == [(6, 8)] * 2
    even.graph.lint()


def test_matching_again_changes_nothing() -> None:
    both = programs(Even("bilinear"), (10, 10), (12, 16))
    match_resizes(both)
    first = [str(program.graph) for program in both]
    match_resizes(both)
    assert [str(program.graph) for program in both] == first


def test_programs_without_a_resize_stay_as_they_are() -> None:
    both = programs(Even("bilinear"), (12, 12), (16, 16))
    first = [str(program.graph) for program in both]
    match_resizes(both)
    assert [str(program.graph) for program in both] == first
