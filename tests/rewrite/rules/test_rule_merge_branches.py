"""Parallel linear branches become one convolution."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.merge_branches import MergeBranches

RULES = (MergeBranches(),)


def test_repvgg_is_one_convolution(rewritten, calls) -> None:
    def forward(self, x):
        return torch.relu(self.n3(self.c3(x)) + self.n1(self.c1(x)) + self.n0(x))

    module = calls(
        forward,
        c3=nn.Conv2d(8, 8, 3, padding=1, bias=False),
        n3=nn.BatchNorm2d(8),
        c1=nn.Conv2d(8, 8, 1, bias=False),
        n1=nn.BatchNorm2d(8),
        n0=nn.BatchNorm2d(8),
    )
    outcome = rewritten(module, (1, 8, 12, 10))
    assert outcome.operators == ["conv2d", "relu"]
    assert outcome.calls("conv2d")[0].args[3:] == ([1, 1], [1, 1], [1, 1], 1)


def test_a_residual_with_layer_scale_is_one_depthwise_convolution(rewritten, calls) -> None:
    """FastViT's token mixer: x + s · (mixer(norm(x)) - norm(x)), with s of shape (C, 1, 1)."""

    def forward(self, x):
        normed = self.norm(x)
        return x + self.scale * (self.mixer(x) - normed)

    module = calls(
        forward,
        mixer=nn.Conv2d(16, 16, 3, padding=1, groups=16),
        norm=nn.BatchNorm2d(16),
        scale=torch.rand(16, 1, 1),
    )
    outcome = rewritten(module, (1, 16, 8, 8), rules=RULES)
    assert outcome.operators == ["conv2d"]
    assert outcome.calls("conv2d")[0].args[6] == 16


@pytest.mark.parametrize(
    ("forward", "operators"),
    [
        (lambda self, x: self.a(x) - self.b(x), ["conv2d"]),
        (lambda self, x: torch.sub(self.a(x), self.b(x), alpha=3), ["conv2d"]),
        (lambda self, x: torch.add(self.a(x), x, alpha=-0.5), ["conv2d"]),
        (lambda self, x: -self.a(x) + (2 - self.b(x)) / 4, ["conv2d"]),
        (lambda self, x: torch.rsub(self.a(x), self.b(x), alpha=2), ["conv2d"]),
        (lambda self, x: (self.a(x) + x) + (self.b(x) + (x * 2 + 1)), ["conv2d"]),
        (lambda self, x: self.a(x) + F.avg_pool2d(x, 3, 1, 1), ["conv2d"]),
    ],
)
def test_signs_factors_and_nesting_are_read_through(rewritten, calls, forward, operators) -> None:
    module = calls(forward, a=nn.Conv2d(6, 6, 3, padding=1), b=nn.Conv2d(6, 6, 1))
    assert rewritten(module, (2, 6, 7, 5), rules=RULES).operators == operators


def test_linear_branches_are_one_linear(rewritten, calls) -> None:
    module = calls(lambda self, x: self.a(x) + self.b(x) + x, a=nn.Linear(16, 16), b=nn.Linear(16, 16, bias=False))
    assert rewritten(module, (2, 5, 16), rules=RULES).operators == ["linear"]


def test_averaged_heads_are_one_linear(rewritten, calls) -> None:
    module = calls(lambda self, x: (self.a(x) + self.b(x)) / 2, a=nn.Linear(16, 10), b=nn.Linear(16, 10))
    assert rewritten(module, (2, 16), rules=RULES).operators == ["linear"]


def test_kernels_of_one_row_and_one_column_go_into_the_square_one(rewritten, calls) -> None:
    module = calls(
        lambda self, x: self.square(x) + self.row(x) + self.column(x),
        square=nn.Conv2d(4, 4, 5, padding=2, groups=4),
        row=nn.Conv2d(4, 4, (1, 5), padding=(0, 2), groups=4),
        column=nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=4),
    )
    outcome = rewritten(module, (1, 4, 9, 9), rules=RULES)
    assert outcome.operators == ["conv2d"]


def test_a_scale_behind_a_sum_stays_behind_what_cannot_take_it(rewritten, calls) -> None:
    """s · (conv3(x) + conv1(x) + y + z): the two convolutions merge, the scale is not spread over y and z."""

    def forward(self, x, y, z):
        return self.scale * (self.a(x) + self.b(x) + torch.relu(y) + torch.tanh(z))

    layers = {"a": nn.Conv2d(4, 4, 3, padding=1), "b": nn.Conv2d(4, 4, 1), "scale": torch.rand(4, 1, 1)}
    outcome = rewritten(calls(forward, **layers), *[(1, 4, 6, 6)] * 3, rules=RULES)
    assert sorted(outcome.operators) == ["add", "add", "conv2d", "mul", "relu", "tanh"]


def test_different_strides_are_refused(rewritten, calls) -> None:
    module = calls(
        lambda self, x: self.a(x) + self.b(x),
        a=nn.Conv2d(3, 4, 3, stride=2, padding=1),
        b=nn.Conv2d(3, 4, 5),
    )
    outcome = rewritten(module, (1, 3, 8, 8), rules=RULES)
    assert outcome.operators == ["conv2d", "conv2d", "add"]
    assert outcome.reasons("merge-branches") == ["the branches have different strides"]


def test_kernels_that_are_not_centred_alike_are_refused(rewritten, calls) -> None:
    """Taps at 0..2 on an input padded by hand, against -1..1: together they need uneven padding."""
    module = calls(
        lambda self, x: self.a(x) + self.b(x),
        a=nn.Conv2d(3, 4, 4, padding=1),
        b=nn.Conv2d(3, 4, 2),
    )
    outcome = rewritten(module, (1, 3, 8, 8), rules=RULES)
    assert outcome.operators in (["conv2d", "conv2d", "add"], ["conv2d"])


def test_a_dense_pointwise_map_is_not_merged_into_a_depthwise_one(rewritten, calls) -> None:
    module = calls(
        lambda self, x: self.a(x) + self.b(x),
        a=nn.Conv2d(64, 64, 7, padding=3, groups=64),
        b=nn.Conv2d(64, 64, 1),
    )
    outcome = rewritten(module, (1, 64, 8, 8), rules=RULES)
    assert sorted(outcome.operators) == ["add", "conv2d", "conv2d"]
    assert outcome.reasons("merge-branches") == ["one kernel for both branches would cost more than the two"]


@pytest.mark.parametrize(
    ("forward", "operators"),
    [
        # an activation between the branches and the sum
        (lambda self, x: self.a(x) + torch.relu(self.b(x)), ["conv2d", "conv2d", "relu", "add"]),
        # a sum that broadcasts
        (lambda self, x: self.a(x) + self.b(x).mean((2, 3), keepdim=True), ["conv2d", "conv2d", "mean", "add"]),
        # a scale that depends on data
        (lambda self, x: self.a(x) * x.mean() + torch.sigmoid(x), ["conv2d", "mean", "mul", "sigmoid", "add"]),
        # a product of two branches
        (lambda self, x: self.a(x) * self.b(x), ["conv2d", "conv2d", "mul"]),
        # a constant that varies over space
        (lambda self, x: (self.a(x) + self.map) + torch.relu(x), ["conv2d", "add", "relu", "add"]),
        # integers in between
        (lambda self, x: x + x.round().to(torch.int32) * 2, ["round", "to", "mul", "add"]),
        # a pooling that does not count its padding
        (
            lambda self, x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) - x,
            ["avg_pool2d", "sub"],
        ),
        # two sources: nothing is parallel
        (lambda self, x: self.a(x) + self.b(torch.relu(x)), ["relu", "conv2d", "conv2d", "add"]),
        # a constant function
        (lambda self, x: x - x, ["sub"]),
    ],
)
def test_what_is_no_sum_of_parallel_branches_is_left_alone(rewritten, calls, forward, operators) -> None:
    module = calls(forward, a=nn.Conv2d(4, 4, 3, padding=1), b=nn.Conv2d(4, 4, 1), map=torch.rand(4, 6, 6))
    outcome = rewritten(module, (1, 4, 6, 6), rules=RULES)
    assert sorted(outcome.operators) == sorted(operators)
    assert outcome.record("merge-branches").matches == 0


def test_a_branch_read_elsewhere_stays(rewritten, calls) -> None:
    def forward(self, x):
        y = self.b(x)
        return self.a(x) + y, torch.relu(y)

    outcome = rewritten(
        calls(forward, a=nn.Conv2d(4, 4, 3, padding=1), b=nn.Conv2d(4, 4, 1)), (1, 4, 6, 6), rules=RULES
    )
    assert sorted(outcome.operators) == ["add", "conv2d", "conv2d", "relu"]


def test_a_tensor_added_to_itself_is_left_alone(rewritten, calls) -> None:
    assert rewritten(calls(lambda self, x: x + x), (1, 4, 5, 5), rules=RULES).operators == ["add"]


def test_dividing_by_zero_is_left_alone(captured, calls) -> None:
    program = captured(calls(lambda self, x: self.a(x) + x / 0, a=nn.Conv2d(4, 4, 1)), (1, 4, 5, 5))
    assert list(MergeBranches().find(program)) != []
    for node in MergeBranches().find(program):
        assert MergeBranches().check(program, node) is None


def test_large_kernels_are_compared_before_anything_is_computed(captured, calls) -> None:
    """A dense 13x13 kernel of 2048 channels would take 5.7 GB."""
    module = calls(
        lambda self, x: self.a(x) + self.b(x),
        a=nn.Conv2d(2048, 2048, 13, padding=6, groups=2048),
        b=nn.Conv2d(2048, 2048, 1, groups=8),
    )
    program = captured(module, (1, 2048, 2, 2))
    (node,) = MergeBranches().find(program)
    assert "would cost more" in MergeBranches().check(program, node).reason
