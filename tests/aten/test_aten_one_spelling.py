"""Statistics, pooling and norms that torch can say in several ways are said in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.aten.canonical import canonicalize
from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.prepare import prepare
from mobiledeploy.records import InputSpec

SPEC = InputSpec("x", (2, 3, 8, 6))


class Function(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


def calls(program: Any) -> list[str]:
    return [str(node.target).removeprefix("aten.") for node in program.graph.nodes if node.op == "call_function"]


STD, VAR = "std.correction", "var.correction"
CASES: dict[str, tuple[Callable[[torch.Tensor], Any], list[str]]] = {
    "std of all": (lambda x: x.std(), [STD]),
    "std of an axis": (lambda x: x.std(1), [STD]),
    "biased std, kept": (lambda x: x.std((2, 3), unbiased=False, keepdim=True), [STD]),
    "std with a correction": (lambda x: x.std(1, correction=2), [STD]),
    "var of all": (lambda x: x.var(), [VAR]),
    "var without unbiased": (lambda x: x.var(-1, False), [VAR]),
    "std and mean": (lambda x: torch.std_mean(x, 1), [STD, "mean.dim"]),
    "var and mean, kept": (lambda x: torch.var_mean(x, (2, 3), keepdim=True), [VAR, "mean.dim"]),
    "only the mean": (lambda x: torch.std_mean(x)[1], ["mean.dim"]),
    "a maximum without stride": (lambda x: F.max_pool2d(x, 2), ["max_pool2d.default"]),
    "a maximum with indices that nobody reads": (
        lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True)[0],
        ["max_pool2d.default"],
    ),
    "an average rounded up": (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), ["avg_pool2d.default"]),
    "instances with running statistics": (
        lambda x: F.instance_norm(x, torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 2, 3]), use_input_stats=False),
        ["batch_norm.default"],
    ),
    "nothing": (lambda x: torch.positive(x) + 1, ["add.Tensor"]),
}


@pytest.mark.parametrize("name", CASES)
def test_one_spelling_of_equal_values(name: str) -> None:
    function, expected = CASES[name]
    program = capture(prepare(Function(function), (SPEC,)), (SPEC,))
    assert calls(program) == expected
    before = str(program.graph)
    canonicalize(program.graph_module)
    assert str(program.graph) == before
    x = torch.randn(SPEC.shape, generator=torch.Generator().manual_seed(1))
    values = function(x.double()) if "instances" not in name else function(x)
    wanted = values if isinstance(values, tuple) else (values,)
    tolerance = 1e-12 if "instances" not in name else 1e-5
    for got, value in zip(evaluate(program, (x,), dtype=torch.float64), wanted, strict=True):
        torch.testing.assert_close(got, value.double(), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("size", "rounds_up"), [(8, True), (7, False)])
def test_rounding_up_stays_only_where_a_window_hangs_over(size: int, rounds_up: bool) -> None:
    spec = InputSpec("x", (1, 3, size, size))
    function = Function(lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True))
    (node,) = capture(prepare(function, (spec,)), (spec,)).graph.find_nodes(
        op="call_function", target=torch.ops.aten.max_pool2d.default
    )
    assert node.args[1:] == ([3, 3], [2, 2], [0, 0], [1, 1], rounds_up)


def test_indices_that_somebody_reads_stay() -> None:
    program = capture(prepare(Function(lambda x: F.max_pool2d(x, 2, return_indices=True)), (SPEC,)), (SPEC,))
    assert calls(program)[0] == "max_pool2d_with_indices.default"
