"""Activations replaced by others, on request: all of one name, however written, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.progress import SILENT
from mobiledeploy.rewrite.approximation import approximate
from mobiledeploy.rewrite.recipes import approximations
from mobiledeploy.rewrite.substitutions import substitutions


@pytest.fixture
def approximated(captured):
    """`approximated(module, shape, *requests)`: the operators after, the records, and the whole outcome."""

    def run(module, shape, *requests):
        program = captured(module, shape)
        text = str(program.graph)
        wanted = substitutions(requests)
        samples = [[torch.linspace(-4, 4, 60).reshape(shape)]]
        made = approximate(program, wanted, approximations(wanted), samples, SILENT)
        assert str(program.graph) == text, "the captured program was edited"
        again = approximate(made.program, wanted, approximations(wanted), samples, SILENT)
        assert [record.matches for record in again.records] == [0] * len(wanted)
        return made

    return run


def operators(made) -> list[str]:
    calls = [node for node in made.program.graph.nodes if node.op == "call_function"]
    return [str(node.target).removeprefix("aten.").split(".")[0] for node in calls]


@pytest.mark.parametrize(
    "written",
    [F.hardswish, lambda x: x * F.relu6(x + 3) / 6, lambda x: (x + 3).clamp(0, 6).div(6).mul(x)],
)
def test_an_activation_is_found_however_it_is_written(approximated, calls, written) -> None:
    made = approximated(calls(lambda _, x: written(x)), (3, 20), "hardswish=gelu")
    assert operators(made) == ["gelu"]
    (record,) = made.records
    assert (record.rule, record.kind, record.matches, record.warning) == ("hardswish=gelu", "approximation", 1, None)
    assert "FastViT" in (record.reason or "")


@pytest.mark.parametrize(
    ("request_", "module", "expected"),
    [
        ("gelu=gelu_tanh", nn.GELU(), ["gelu"]),
        ("gelu=quick_gelu", nn.GELU(), ["mul", "sigmoid", "mul"]),
        ("quick-gelu=gelu", None, ["gelu"]),
        ("silu=hardswish", nn.SiLU(), ["hardswish"]),
        ("sigmoid=hardsigmoid", nn.Sigmoid(), ["hardsigmoid"]),
        ("relu6=relu", nn.ReLU6(), ["relu"]),
        ("leaky_relu=relu", nn.LeakyReLU(0.3), ["relu"]),
    ],
)
def test_every_pair_of_names_can_be_asked_for(approximated, calls, request_, module, expected) -> None:
    module = module or calls(lambda _, x: torch.sigmoid(x * 1.702) * x)
    assert operators(approximated(module, (3, 20), request_)) == expected


def test_the_tanh_form_is_what_comes_in(approximated) -> None:
    made = approximated(nn.GELU(), (3, 20), "gelu=gelu_tanh")
    (call,) = [node for node in made.program.graph.nodes if node.op == "call_function"]
    assert call.kwargs == {"approximate": "tanh"}


def test_a_part_of_another_activation_stays(approximated, calls) -> None:
    """The sigmoid in silu is no sigmoid of the model's; the one before the product with another tensor is."""
    module = calls(lambda _, x: (x * torch.sigmoid(x)) * torch.sigmoid(x.mean(1, keepdim=True)))
    made = approximated(module, (3, 20), "sigmoid=hardsigmoid")
    assert operators(made) == ["sigmoid", "mul", "mean", "hardsigmoid", "mul"]


def test_several_are_made_in_their_order(approximated) -> None:
    module = nn.Sequential(nn.Hardswish(), nn.Linear(20, 20), nn.SiLU())
    made = approximated(module, (3, 20), "hardswish=gelu", "silu=relu")
    assert operators(made) == ["gelu", "linear", "relu"]
    assert [record.matches for record in made.records] == [1, 1]


def test_one_that_matches_nothing_warns_and_says_what_is_there(approximated) -> None:
    made = approximated(nn.Sequential(nn.ReLU(), nn.GELU(), nn.GELU()), (3, 20), "mish=silu")
    (record,) = made.records
    assert record.matches == 0
    assert record.warning == "the model has no mish; its activations: gelu (2), relu (1)"
    assert made.activation_errors == {}


def test_the_error_is_that_of_the_activations_on_what_they_were_given(approximated) -> None:
    """Between -4 and 4 hardswish is furthest from gelu at 1.80: 0.2952."""
    made = approximated(nn.Hardswish(), (3, 20), "hardswish=gelu")
    x = torch.linspace(-4, 4, 60, dtype=torch.float64)
    expected = float((F.hardswish(x) - F.gelu(x)).abs().max())
    assert made.activation_errors == {"hardswish=gelu": pytest.approx(expected, rel=1e-6)}
    assert expected == pytest.approx(0.295, abs=2e-3)
    (record,) = made.records
    assert record.relative_error == pytest.approx(expected / 4, rel=1e-4)
