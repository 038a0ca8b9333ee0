"""What depends on no input is computed once."""

import pytest
import torch

from mobiledeploy.rewrite.rules.constants import FoldConstants

RULES = (FoldConstants(),)


@pytest.mark.parametrize(
    ("forward", "operators"),
    [
        (lambda self, x: x[..., None] + self.table[:, self.index].permute(1, 2, 0), ["unsqueeze", "add"]),
        (lambda self, x: x + torch.arange(4) / 4, ["add"]),
        (lambda self, x: x * torch.full((4,), 0.1, dtype=x.dtype), ["mul"]),
        (lambda self, x: x + torch.zeros_like(x) + x.new_full((4,), 0.1), ["add", "add"]),
        (lambda self, x: x.masked_fill(torch.ones(4, 4).tril() == 0, -1.0), ["masked_fill"]),
        (lambda self, x: x + self.table.split(1, 0)[1].flatten()[:4], ["add"]),
        (lambda self, x: x + (self.table * 2).mean(), ["add"]),
    ],
)
def test_one_constant_is_left(rewritten, calls, forward, operators) -> None:
    module = calls(forward, table=torch.rand(2, 16), index=torch.arange(16).reshape(4, 4) % 7)
    assert rewritten(module, (1, 4, 4), rules=RULES).operators == operators


def test_a_constant_output_is_a_constant(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: (x + 1, self.table * 2), table=torch.rand(3)), (2, 3), rules=RULES)
    assert outcome.operators == ["add"]


def test_spreading_a_small_constant_out_is_left_to_the_target(rewritten, calls) -> None:
    def forward(self, x):
        return torch.cat([(self.token * 2).expand(64, -1, -1), x], 1)

    outcome = rewritten(calls(forward, token=torch.rand(1, 1, 8)), (64, 3, 8), rules=RULES)
    assert outcome.operators == ["expand", "cat"]
    assert sum(buffer.numel() for buffer in outcome.program.graph_module.buffers()) == 8


def test_what_is_only_moved_about_stays_as_it_is_stored(captured, calls) -> None:
    program = captured(calls(lambda self, x: x @ self.weight, weight=torch.rand(4, 5)), (2, 4))
    (node,) = FoldConstants().find(program)
    assert FoldConstants().check(program, node).plan.dtype == torch.float32


def test_what_depends_on_an_input_is_not_found(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: torch.relu(x) * x.shape[1]), (2, 3), rules=RULES)
    assert outcome.operators == ["relu", "mul"]
    assert outcome.record("fold-constants").matches == 0


def test_it_is_computed_in_float64(captured, calls) -> None:
    program = captured(calls(lambda self, x: x + torch.full((4,), 0.1) / 3), (2, 4))
    (node,) = FoldConstants().find(program)
    value = FoldConstants().check(program, node).plan
    assert value.dtype == torch.float64
    assert float(value[0]) == 0.1 / 3
