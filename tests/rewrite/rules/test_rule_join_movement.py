"""Permutes with only reshapes between them are one; what cancels across an operator is gone."""

from __future__ import annotations

import pytest
import torch

from mobiledeploy.rewrite.rules.cancel_movement import CancelMovement
from mobiledeploy.rewrite.rules.join_movement import JoinMovement

RULES = (CancelMovement(), JoinMovement())
MOVED = ["reshape", "permute", "reshape"]


def apart(x: torch.Tensor, size: int = 2) -> torch.Tensor:
    """MobileViT's unfolding: (B, C, H, W) to (B P, N, C), P places in each of N patches."""
    b, c, h, w = x.shape
    n, p = (h // size) * (w // size), size * size
    x = x.reshape(b * c * (h // size), size, w // size, size).transpose(1, 2)
    return x.reshape(b, c, n, p).transpose(1, 3).reshape(b * p, n, c)


def together(x: torch.Tensor, shape: tuple[int, int, int, int], size: int = 2) -> torch.Tensor:
    """And its folding."""
    b, c, h, w = shape
    n, p = (h // size) * (w // size), size * size
    x = x.reshape(b, p, n, c).transpose(1, 3).reshape(b * c * (h // size), w // size, size, size)
    return x.transpose(1, 2).reshape(b, c, h, w)


def test_patches_are_taken_apart_in_one_permute(rewritten, calls) -> None:
    assert rewritten(calls(lambda self, x: apart(x).softmax(-1)), (1, 3, 4, 6), rules=RULES).operators == [
        *MOVED,
        "softmax",
    ]


def test_and_put_together_in_one(rewritten, calls) -> None:
    module = calls(lambda self, x: together(x.softmax(-1), (1, 3, 4, 6)).exp())
    assert rewritten(module, (4, 6, 3), rules=RULES).operators == ["softmax", *MOVED, "exp"]


def test_an_operator_between_the_two_is_left_alone(rewritten, calls) -> None:
    module = calls(lambda self, x: together(torch.tanh(apart(x)) * 2.0, (1, 3, 4, 6)))
    assert rewritten(module, (1, 3, 4, 6), rules=RULES).operators == ["tanh", "mul"]


def test_a_permute_before_parts_serves_them_all(rewritten, calls) -> None:
    def forward(self, x):
        heads = x.reshape(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).permute(0, 1, 2, 4, 3)
        q, k, v = heads.unbind(0)
        return q.exp(), k.exp(), v.exp()

    operators = rewritten(calls(forward), (2, 5, 24), rules=RULES).operators
    assert operators == ["reshape", "permute", "unbind", *["getitem"] * 3, *["exp"] * 3]


@pytest.mark.parametrize("batch", [2, 3])
def test_six_groups_of_axes_still_take_two(rewritten, calls, batch) -> None:
    """The near miss: with a batch of several there is no order of five axes that says it all."""
    outcome = rewritten(calls(lambda self, x: apart(x).softmax(-1)), (batch, 3, 4, 6), rules=RULES)
    assert outcome.operators.count("permute") == 2
    assert outcome.reasons("join-movement") == ["in one order it would cost no less"]


def test_a_value_that_is_read_in_between_stays(rewritten, calls) -> None:
    def forward(self, x):
        y = x.permute(0, 2, 1)
        return y.softmax(-1), y.reshape(2, 4, 3, 1).permute(0, 2, 1, 3).relu()

    outcome = rewritten(calls(forward), (2, 3, 4), rules=RULES)
    assert outcome.operators == ["permute", "softmax", "reshape", "relu"]
