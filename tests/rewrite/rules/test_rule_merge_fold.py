"""A matrix that makes blocks which are summed into a picture is a transposed convolution, where that is cheaper."""

from __future__ import annotations

import pytest
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.merge_fold import MergeFold

RULES = (MergeFold(),)


def fold(x):
    return F.fold(x, (9, 7), (3, 3), padding=1, stride=2)


@pytest.mark.parametrize(
    ("name", "forward", "layer", "shape", "operators"),
    [
        (
            "linear of tokens",
            lambda self, x: fold(self.layer(x).transpose(1, 2)),
            nn.Linear(8, 36),
            (2, 20, 8),
            ["reshape", "permute", "conv_transpose2d", "add"],
        ),
        (
            "linear of a grid of tokens",
            lambda self, x: fold(self.layer(x).reshape(2, 20, 36).transpose(1, 2)),
            nn.Linear(8, 36, bias=False),
            (2, 5, 4, 8),
            ["permute", "conv_transpose2d"],
        ),
        (
            "pointwise convolution of columns",
            lambda self, x: fold(self.layer(x)),
            nn.Conv1d(8, 36, 1),
            (2, 8, 20),
            ["reshape", "conv_transpose2d", "add"],
        ),
        (
            "pointwise convolution of a picture",
            lambda self, x: fold(self.layer(x).flatten(2)),
            nn.Conv2d(8, 36, 1),
            (1, 8, 5, 4),
            ["conv_transpose2d", "add"],
        ),
    ],
)
def test_blocks_are_a_transposed_convolution(rewritten, calls, name, forward, layer, shape, operators) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(forward, layer=layer), shape, rules=RULES)
    assert outcome.operators == operators, name
    assert outcome.record("merge-fold").matches == 1
    assert outcome.log.after.macs < outcome.log.before.macs


def test_a_bias_is_summed_where_blocks_overlap(rewritten, calls) -> None:
    def forward(self, x):
        return F.fold(self.layer(x), (9, 7), 3, stride=2)

    outcome = rewritten(calls(forward, layer=nn.Conv1d(8, 36, 1)), (1, 8, 12), rules=RULES)
    (add,) = outcome.calls("add")
    picture = outcome.program.constant(add.args[1])
    assert tuple(picture.shape) == (1, 4, 9, 7)
    assert picture[0, 0].unique().numel() == 16, "both borders, and inside two sums in turn, along each axis"


NEAR_MISSES = [
    (
        "an activation between",
        lambda self, x: fold(self.layer(x).relu().transpose(1, 2)),
        ["linear", "relu", "permute", "col2im"],
        [],
    ),
    (
        "places in another order",
        lambda self, x: fold(self.layer(x).flip(1).transpose(1, 2)),
        ["linear", "flip", "permute", "col2im"],
        ["no constant matrix makes the blocks"],
    ),
]


@pytest.mark.parametrize(("name", "forward", "operators", "reasons"), NEAR_MISSES, ids=["activation", "flip"])
def test_near_misses(rewritten, calls, name, forward, operators, reasons) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(forward, layer=nn.Linear(8, 36)), (1, 20, 8), rules=RULES)
    assert outcome.operators == operators
    assert outcome.reasons("merge-fold") == reasons


def test_a_matrix_that_is_read_elsewhere_too_is_refused(rewritten, calls) -> None:
    def forward(self, x):
        y = self.layer(x)
        return fold(y.transpose(1, 2)), y.relu()

    outcome = rewritten(calls(forward, layer=nn.Linear(8, 36)), (1, 20, 8), rules=RULES)
    assert outcome.operators == ["linear", "permute", "col2im", "relu"]
    assert outcome.reasons("merge-fold") == ["what the matrix gives is also read elsewhere"]
