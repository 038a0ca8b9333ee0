"""Operators that coremltools lacks are decomposed one by one; keywords that it would pass over are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_programs import TENSOR, example, program_of
from torch import fx
from torch.nn import functional as F

from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.errors import TargetError
from mobiledeploy.records import InputSpec
from mobiledeploy.targets.coreml_lowering import lower


def calls(program: Any) -> list[str]:
    return [str(node.target).removeprefix("aten.") for node in program.graph.nodes if node.op == "call_function"]


def knows(*names: str) -> Callable[[fx.Node], bool]:
    return lambda node: str(node.target).removeprefix("aten.").partition(".")[0] in names


def test_an_unknown_operator_becomes_its_decomposition_and_the_rest_stays() -> None:
    program = program_of(lambda net, x: F.celu(net.conv(x), 0.5) + 1)
    lowered = lower(program, lambda node: "celu" not in str(node.target))
    assert calls(lowered)[0] == "conv2d.default"
    assert calls(lowered)[-1] == "add.Tensor"
    assert not any("celu" in call for call in calls(lowered))
    x = example(TENSOR)
    for dtype in (torch.float32, torch.float64):
        torch.testing.assert_close(evaluate(lowered, (x,), dtype=dtype), evaluate(program, (x,), dtype=dtype))


def test_a_decomposition_is_decomposed_further_where_it_has_to_be() -> None:
    program = program_of(lambda net, x: torch.cat(x.chunk(2, -1)[::-1], -1))
    lowered = lower(program, knows("split_with_sizes", "slice", "cat", "<built-in function getitem>"))
    assert not any(call.startswith(("chunk", "split.")) for call in calls(lowered))
    x = example(TENSOR)
    assert torch.equal(evaluate(lowered, (x,), dtype=torch.float32)[0], torch.cat(x.chunk(2, -1)[::-1], -1))


def test_what_torch_cannot_decompose_stays_for_the_converter_to_refuse() -> None:
    program = program_of(lambda net, x: net.conv(x))
    assert calls(lower(program, lambda node: False)) == ["convolution.default"]


def test_new_nodes_carry_the_line_they_come_from() -> None:
    program = program_of(lambda net, x: F.celu(x))
    lines = {node.meta["stack_trace"] for node in program.graph.nodes if node.op == "call_function"}
    lowered = lower(program, knows("elu", "mul", "div", "where", "gt", "expm1", "exp", "sub"))
    assert {node.meta["stack_trace"] for node in lowered.graph.nodes if node.op == "call_function"} == lines


def test_lowering_twice_changes_nothing() -> None:
    def supported(node: fx.Node) -> bool:
        return "addcmul" not in str(node.target)

    once = lower(program_of(lambda net, x: torch.addcmul(x, x, x, value=3)), supported)
    assert str(lower(once, supported).graph) == str(once.graph)


def test_alpha_becomes_a_product() -> None:
    program = program_of(lambda net, x: torch.add(x, x * 2, alpha=3) - torch.sub(x, 1.5, alpha=2))
    lowered = lower(program, lambda node: True)
    assert all(not node.kwargs for node in lowered.graph.nodes)
    x = example(TENSOR)
    torch.testing.assert_close(
        evaluate(lowered, (x,), dtype=torch.float64), evaluate(program, (x,), dtype=torch.float64)
    )


def test_alpha_of_one_is_left_alone() -> None:
    assert calls(lower(program_of(lambda net, x: torch.add(x, x, alpha=1)), lambda node: True)) == ["add.Tensor"]


IGNORED = [
    (lambda net, x: x.long().sum(dtype=torch.float32), r"`dtype=torch\.float32` of `aten\.sum\.default`"),
    (
        lambda net, x: torch.searchsorted(x[0, 0, 0], x, sorter=x[0, 0, 0].argsort()),
        r"`sorter=argsort` of `aten\.search",
    ),
]


@pytest.mark.parametrize(("function", "message"), IGNORED)
def test_a_keyword_that_would_be_passed_over_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(TargetError, match="coremltools would pass over " + message) as caught:
        lower(program_of(function), lambda node: True)
    assert caught.value.remedy == "Write that line of the model in another way."


HONOURED = [
    lambda net, x: F.gelu(x, approximate="tanh"),
    lambda net, x: torch.div(x, 2, rounding_mode="floor"),
    lambda net, x: x.mean((2, 3), dtype=torch.float32),
    lambda net, x: F.scaled_dot_product_attention(x, x, x, scale=0.3),
    lambda net, x: x.to(torch.float16, memory_format=torch.contiguous_format).float(),
    lambda net, x: torch.zeros(8, dtype=torch.float32) + x,
]


@pytest.mark.parametrize("function", HONOURED)
def test_keywords_that_are_honoured_or_choose_nothing_pass(function: Callable[..., Any]) -> None:
    program = program_of(function)
    assert calls(lower(program, lambda node: True)) == calls(program)


def antialiased(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, size=(5, 3), mode="bilinear", antialias=True)


RESIZES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "antialiased bilinear": antialiased,
    "antialiased bicubic": lambda x: F.interpolate(x, size=(5, 3), mode="bicubic", antialias=True),
    "bicubic": lambda x: F.interpolate(x, size=(11, 7), mode="bicubic"),
    "bicubic with aligned corners": lambda x: F.interpolate(x, size=(11, 7), mode="bicubic", align_corners=True),
    "bilinear by a factor that fits no size": lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear"),
}


@pytest.mark.parametrize("name", RESIZES)
def test_resizing_is_two_matrix_products(name: str) -> None:
    function = RESIZES[name]
    spec = InputSpec("x", (2, 3, 8, 6))
    program = program_of(lambda net, x: function(x), spec)
    lowered = lower(program, knows("matmul"))
    assert calls(lowered) == ["matmul.default", "matmul.default"]
    x = example(spec)
    (result,) = evaluate(lowered, (x,), dtype=torch.float64)
    torch.testing.assert_close(result, function(x.double()), rtol=0, atol=1e-12)


MISTRANSLATED = [antialiased, lambda x: F.softplus(x, 2.0, 1.0)]


@pytest.mark.parametrize("function", MISTRANSLATED)
def test_what_coremltools_would_get_wrong_is_decomposed_though_it_knows_it(function: Callable[..., Any]) -> None:
    lowered = lower(program_of(lambda net, x: function(x)), lambda node: True)
    assert not any("upsample" in call or "softplus" in call for call in calls(lowered))


def test_a_decomposition_that_writes_in_place_is_made_functional() -> None:
    program = program_of(lambda net, x: F.pad(x, (1, 2, 3, 1), mode="circular"))
    lowered = lower(program, lambda node: "pad" not in str(node.target))
    assert any("slice_scatter" in call for call in calls(lowered))
    assert not any(
        getattr(node.target, "_schema", None) and node.target._schema.is_mutable for node in lowered.graph.nodes
    )
    x = example(TENSOR)
    assert torch.equal(evaluate(lowered, (x,), dtype=torch.float32)[0], F.pad(x, (1, 2, 3, 1), mode="circular"))
