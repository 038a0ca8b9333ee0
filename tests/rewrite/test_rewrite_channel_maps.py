"""Matrices along channels are read from whichever operator they are written in."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.channel_maps import channel_map, moved_from

aten = torch.ops.aten


def last(program):
    return program.graph.output_node().args[0][0]


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (nn.Linear(6, 4), (2, 5, 6), 2),
        (nn.Conv1d(6, 4, 1), (2, 6, 5), 1),
        (nn.Conv2d(6, 4, 1, bias=False), (2, 6, 5, 3), 1),
    ],
)
def test_layers(captured, calls, layer, shape, axis) -> None:
    program = captured(calls(lambda self, x: self.layer(x * 2), layer=layer), shape)
    found = channel_map(program, last(program))
    assert found is not None
    assert found.axis == axis
    assert torch.equal(found.weight, layer.weight.detach().flatten(1))
    assert (found.bias is None) == (layer.bias is None)
    x = torch.randn(shape)
    product = (x.movedim(axis, -1) @ found.weight.T).movedim(-1, axis)
    bias = 0 if layer.bias is None else layer.bias.detach().reshape([-1 if a == axis else 1 for a in range(len(shape))])
    torch.testing.assert_close(product + bias, layer(x).detach())


def test_a_product_with_a_constant_on_the_left(captured, calls) -> None:
    program = captured(calls(lambda self, x: self.w @ x, w=torch.randn(4, 6)), (2, 6, 5))
    found = channel_map(program, last(program))
    assert found is not None
    assert (found.axis, tuple(found.weight.shape), found.bias) == (1, (4, 6), None)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(6, 4, 3), (1, 6, 5, 5)),
        (nn.Conv2d(6, 4, 1, stride=2), (1, 6, 5, 5)),
        (nn.Conv2d(6, 4, 1, padding=1), (1, 6, 5, 5)),
        (nn.Conv2d(6, 4, 1, groups=2), (1, 6, 5, 5)),
        (nn.Conv1d(6, 4, 1), (6, 5)),
        (nn.ReLU(), (1, 6)),
    ],
)
def test_what_is_no_matrix_of_channels(captured, layer, shape) -> None:
    program = captured(layer, shape)
    assert channel_map(program, last(program)) is None


def test_a_weight_that_depends_on_data_is_no_matrix(captured, calls) -> None:
    program = captured(calls(lambda self, x, w: F.linear(x, w)), (2, 6), (3, 6))
    assert channel_map(program, last(program)) is None


def test_numbers_tell_where_every_element_comes_from(captured, calls) -> None:
    def forward(self, x):
        return x.relu().transpose(1, 2).reshape(2, 2, 2, 3).flip(1)

    program = captured(calls(forward), (2, 3, 4))
    found = moved_from(last(program), aten.relu)
    assert found is not None
    node, numbers = found
    assert node.target is aten.relu.default
    assert torch.equal(numbers, forward(None, torch.arange(24.0).reshape(2, 3, 4)).int())
    assert moved_from(last(program), aten.sigmoid) is None
