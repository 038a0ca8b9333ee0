"""A part of a graph read as a function of one tensor's elements."""

from __future__ import annotations

import torch
from torch import nn

from mobiledeploy.aten.graph import output_node
from mobiledeploy.rewrite.activations import ACTIVATIONS, name_of
from mobiledeploy.rewrite.pointwise import equal_functions, function_of, regions


def sizes(program) -> list[int]:
    root = output_node(program.graph).args[0][0]
    return [len(region.nodes) for region in regions(program, root)]


def test_regions_end_where_one_tensor_enters(captured, calls) -> None:
    program = captured(calls(lambda _, x: (x + 1) * (x + 1).sigmoid()), (2, 3))
    assert sizes(program) == [4]
    program = captured(calls(lambda _, x: ((x + 1) * (x + 1).sigmoid()).relu()), (2, 3))
    assert sizes(program) == [1, 5]


def test_two_inputs_a_broadcast_and_a_reduction_end_a_region(captured, calls) -> None:
    assert sizes(captured(calls(lambda _, x, y: x * y), (2, 3), (2, 3))) == []
    assert sizes(captured(calls(lambda _, x: x - x.mean(1, keepdim=True)), (2, 3))) == []
    assert sizes(captured(calls(lambda m, x: x * m.scale, scale=torch.tensor([1.0, 2.0, 3.0])), (2, 3))) == []


def test_a_constant_that_is_the_same_everywhere_is_a_number(captured, calls) -> None:
    program = captured(calls(lambda m, x: x * m.scale, scale=torch.full((3,), 2.5)), (2, 3))
    (region,) = regions(program, output_node(program.graph).args[0][0])
    assert float(function_of(program, region)(torch.tensor(2.0, dtype=torch.float64))) == 5.0


def test_functions_are_told_apart_by_a_kink_far_out_and_by_the_eleventh_digit() -> None:
    assert equal_functions(torch.relu, torch.relu)
    assert not equal_functions(lambda x: x.clamp(0, 1e6), torch.relu)
    assert not equal_functions(lambda x: x * torch.sigmoid(x * (1 + 1e-9)), nn.functional.silu)


def test_overflow_far_out_says_nothing_and_near_by_refuses() -> None:
    assert equal_functions(lambda x: torch.log(1 + torch.exp(x)), lambda x: torch.logaddexp(x, torch.zeros_like(x)))
    assert not equal_functions(lambda x: x / (x - 1) * (x - 1), lambda x: x)


def test_every_named_activation_is_recognized_by_its_own_name_and_no_other() -> None:
    for known in ACTIVATIONS:
        found = name_of(known.function(*known.defaults))
        assert found is not None
        assert (found.activation.name, found.parameters) == (known.name, known.defaults)
