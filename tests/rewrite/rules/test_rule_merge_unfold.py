"""A matrix over the elements of windows is a convolution, where that is cheaper."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.merge_unfold import MergeUnfold

RULES = (MergeUnfold(),)


@pytest.mark.parametrize(
    ("name", "forward", "layer", "shape", "operators"),
    [
        (
            "linear of tokens",
            lambda self, x: self.layer(F.unfold(x, (3, 2), (1, 2), (1, 0), (2, 3)).transpose(1, 2)),
            nn.Linear(24, 6),
            (2, 4, 9, 12),
            ["conv2d", "permute", "reshape"],
        ),
        (
            "linear of a grid of tokens",
            lambda self, x: self.layer(F.unfold(x, 3).transpose(1, 2).reshape(2, 7, 10, 36)),
            nn.Linear(36, 6, bias=False),
            (2, 4, 9, 12),
            ["conv2d", "permute"],
        ),
        (
            "pointwise convolution of columns",
            lambda self, x: self.layer(F.unfold(x, 3, padding=1)),
            nn.Conv1d(36, 6, 1),
            (2, 4, 9, 12),
            ["conv2d", "reshape"],
        ),
        (
            "pointwise convolution of a picture of columns",
            lambda self, x: self.layer(F.unfold(x, 3, padding=1).reshape(2, 36, 9, 12)),
            nn.Conv2d(36, 6, 1),
            (2, 4, 9, 12),
            ["conv2d"],
        ),
        (
            "a picture without a batch",
            lambda self, x: self.layer(F.unfold(x, 3).T),
            nn.Linear(36, 6),
            (4, 9, 12),
            ["reshape", "conv2d", "permute", "reshape"],
        ),
    ],
)
def test_windows_and_matrix_are_a_convolution(rewritten, calls, name, forward, layer, shape, operators) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(forward, layer=layer), shape, rules=RULES)
    assert outcome.operators == operators, name
    assert outcome.record("merge-unfold").matches == 1
    assert outcome.log.after.macs < outcome.log.before.macs


def test_a_product_with_the_weight_on_the_left(rewritten, calls) -> None:
    weight = torch.randn(6, 36, generator=torch.Generator().manual_seed(0))
    outcome = rewritten(calls(lambda self, x: self.w @ F.unfold(x, 3), w=weight), (2, 4, 9, 9), rules=RULES)
    assert outcome.operators == ["conv2d", "reshape"]


NEAR_MISSES = [
    (
        "a norm between",
        lambda self, x: self.layer(F.layer_norm(F.unfold(x, 3).transpose(1, 2), (36,))),
        ["im2col", "permute", "layer_norm", "linear"],
        [],
    ),
    (
        "a matrix along the windows",
        lambda self, x: self.layer(F.unfold(x, 3, padding=(1, 1))),
        ["im2col", "linear"],
        ["it does not reach over whole windows"],
    ),
    (
        "windows in another order",
        lambda self, x: self.layer(F.unfold(x, 3).transpose(1, 2).flip(1)),
        ["im2col", "permute", "flip", "linear"],
        ["it does not reach over whole windows"],
    ),
    (
        "a matrix that depends on data",
        lambda self, x: x[:, :2, :, 0] @ F.unfold(x, 3).reshape(1, 6, -1),
        ["slice", "select", "im2col", "reshape", "matmul"],
        ["what multiplies the windows is no constant matrix along them"],
    ),
]


@pytest.mark.parametrize(("name", "forward", "operators", "reasons"), NEAR_MISSES, ids=[m[0] for m in NEAR_MISSES])
def test_near_misses(rewritten, calls, name, forward, operators, reasons) -> None:  # noqa: PLR0917
    shape = (1, 4, 6, 6)
    outcome = rewritten(calls(forward, layer=nn.Linear(36, 5)), shape, rules=RULES)
    assert outcome.operators == operators
    assert outcome.reasons("merge-unfold") == reasons


def test_many_results_of_few_places_are_cheaper_as_a_matrix(rewritten, calls) -> None:
    """The convolution's wide result would have to be turned over; the matrix gives it as tokens."""

    def forward(self, x):
        return self.layer(F.unfold(x, 2, stride=2).transpose(1, 2))

    outcome = rewritten(calls(forward, layer=nn.Linear(12, 256)), (1, 3, 32, 32), rules=RULES)
    assert outcome.operators == ["im2col", "permute", "linear"]
    assert outcome.reasons("merge-unfold") == ["the convolution would cost more than the matrix"]
