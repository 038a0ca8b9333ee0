"""Operators, multiply-accumulates and bytes, against hand counts and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mobiledeploy.aten.cost import graph_cost, node_cost, weigh
from mobiledeploy.records import GraphCost


@pytest.mark.parametrize(
    ("layer", "shapes", "operators", "macs", "values"),
    [
        # 3x3 over 8 channels for 16 x 4 x 4 results; reads the input and the weights, writes the result
        (nn.Conv2d(8, 16, 3, bias=False), [(1, 8, 6, 6)], 1, 16 * 16 * 72, 288 + 1152 + 256),
        (nn.Conv2d(8, 8, 3, groups=8), [(2, 8, 6, 6)], 1, 2 * 16 * 8 * 9, 576 + 72 + 8 + 256),
        (nn.Conv1d(4, 6, 2, stride=2), [(1, 4, 6)], 1, 6 * 3 * 8, 24 + 48 + 6 + 18),
        (nn.ConvTranspose2d(4, 6, 2, stride=2), [(1, 4, 3, 3)], 1, 36 * 6 * 4, 36 + 96 + 6 + 216),
        (nn.Linear(5, 7), [(2, 3, 5)], 1, 6 * 35, 30 + 35 + 7 + 42),
        (nn.ReLU(), [(2, 3)], 1, 0, 12),
        (nn.Identity(), [(2, 3)], 0, 0, 0),
    ],
)
def test_layers(captured, layer, shapes, operators, macs, values) -> None:  # noqa: PLR0917
    assert graph_cost(captured(layer, *shapes)) == GraphCost(operators, macs, 2 * values)


@pytest.mark.parametrize(
    ("function", "shapes", "macs"),
    [
        (lambda self, a, b: a @ b, [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (lambda self, a, b: torch.bmm(a, b), [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (lambda self, a, b: torch.mv(a, b), [(3, 4), (4,)], 12),
        (lambda self, a, b: torch.baddbmm(b, a, b), [(2, 3, 3), (2, 3, 3)], 54),
        (lambda self, a, b: torch.einsum("bhic,bhjc->bhij", a, b), [(1, 2, 3, 4), (1, 2, 5, 4)], 2 * 3 * 4 * 5),
        (lambda self, a, b: torch.einsum("...ic,...cj->...ij", a, b), [(2, 6, 3, 4), (6, 4, 5)], 2 * 6 * 3 * 4 * 5),
        (lambda self, a, b: torch.einsum("ij->ji", a) + b, [(3, 4), (4, 3)], 0),
        (
            lambda self, q, k: F.scaled_dot_product_attention(q, k, k),
            [(1, 2, 3, 4), (1, 2, 5, 4)],
            2 * 3 * 5 * 4 * 2,
        ),
    ],
)
def test_products(captured, calls, function, shapes, macs) -> None:
    assert graph_cost(captured(calls(function), *shapes)).macs == macs


def test_an_element_of_a_tuple_is_no_operator(captured, calls) -> None:
    program = captured(calls(lambda self, x: x.chunk(2)[1]), (4, 3))
    assert graph_cost(program) == GraphCost(1, 0, 2 * 24)


def test_what_picks_elements_reads_no_others(captured, calls) -> None:
    assert graph_cost(captured(calls(lambda self, x: x[:, 1:5:2]), (4, 9))) == GraphCost(1, 0, 2 * (8 + 8))
    program = captured(calls(lambda self, x: x.index_select(1, torch.tensor([0, 0, 1])) + 1), (4, 2))
    select = next(node for node in program.graph.nodes if "index_select" in str(node.target))
    assert node_cost(select) == GraphCost(1, 0, 2 * (8 + 3 + 12)), "never more than there is"


def test_windows_cost_what_their_plainest_translation_does(captured, calls) -> None:
    dense = 4 * 18 * 18, 2 * (32 + 18 * 4 + 18 * 18)
    assert graph_cost(captured(nn.Unfold(3), (1, 2, 4, 4))) == GraphCost(1, *dense)
    assert graph_cost(captured(nn.Fold((4, 4), 3), (1, 18, 4))) == GraphCost(1, *dense)
    slices = graph_cost(captured(calls(lambda self, x: x.unfold(1, 3, 1)), (2, 5)))
    assert slices == GraphCost(4, 0, 2 * 4 * 18), "three slices read and write, a stack reads and writes: 6·3 each"


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.depthwise = nn.Conv2d(16, 16, 5, padding=2, groups=16)
        self.grouped = nn.Conv2d(16, 32, 3, dilation=2, groups=4)
        self.up = nn.ConvTranspose2d(32, 8, 2, 2)
        self.qkv = nn.Linear(8, 24)
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.up(self.grouped(self.depthwise(self.stem(x)).relu()))
        q, k, v = self.qkv(y.flatten(2).transpose(1, 2)).chunk(3, -1)
        return self.head(((q @ k.transpose(1, 2)).softmax(-1) @ v).mean(1))


def test_torchs_own_counter_agrees(captured) -> None:
    module, x = Mixed().eval(), torch.randn(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    # torch counts a multiplication and an addition as two.
    assert graph_cost(captured(module, (1, 3, 32, 32))).macs == counter.get_total_flops() // 2


@pytest.mark.parametrize("dearer", [GraphCost(2, 0, 0), GraphCost(1, 100_000, 0), GraphCost(1, 0, 10_000)])
def test_more_of_anything_weighs_more(dearer) -> None:
    assert weigh(dearer) > weigh(GraphCost(1, 0, 0))
