"""A tensor is not spread out before an operator that broadcasts by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from mobiledeploy.rewrite.rules.drop_expands import DropExpands

if TYPE_CHECKING:
    import torch

RULES = (DropExpands(),)


def test_a_division_by_the_norm_broadcasts(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda _, x: F.normalize(x, dim=-1)), (2, 4, 6), rules=RULES)
    assert outcome.operators == ["linalg_vector_norm", "clamp_min", "div"]
    assert outcome.record("drop-expands").matches == 1


def test_new_axes_in_front_and_several_readers(rewritten, calls) -> None:
    def spread(_: object, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = y.relu().expand(2, 4, 6)
        return x + wide, wide * x

    outcome = rewritten(calls(spread), (2, 4, 6), (4, 1), rules=RULES)
    assert outcome.operators == ["relu", "add", "mul"]


def test_a_reader_that_needs_the_whole_size_keeps_it(rewritten, calls) -> None:
    def spread(_: object, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = y.relu().expand(2, 4, 6)
        return x + wide, wide.reshape(8, 6)

    outcome = rewritten(calls(spread), (2, 4, 6), (4, 1), rules=RULES)
    assert outcome.operators == ["relu", "expand", "add", "reshape"]
    assert outcome.reasons("drop-expands") == ["reshape reads it at its whole size"]


def test_where_nothing_else_has_the_whole_size_it_stays(rewritten, calls) -> None:
    module = calls(lambda _, x, y: x.expand(2, 4, 6) + y)
    outcome = rewritten(module, (4, 1), (4, 6), rules=RULES)
    assert outcome.operators == ["expand", "add"]
    assert outcome.record("drop-expands").matches == 0


def test_a_sum_of_two_that_are_spread_out_keeps_one(rewritten, calls) -> None:
    module = calls(lambda _, x, y: x.relu().expand(4, 6) + y.relu().expand(4, 6))
    assert rewritten(module, (4, 1), (1, 6), rules=RULES).operators == ["relu", "relu", "expand", "add"]
