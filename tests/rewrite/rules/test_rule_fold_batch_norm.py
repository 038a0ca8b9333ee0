"""BatchNorm into the convolution or Linear before it, or into all that read it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.fold_batch_norm import FoldBatchNorm

RULES = (FoldBatchNorm(),)


@pytest.mark.parametrize(
    ("convolution", "norm", "shape"),
    [
        (nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), (2, 3, 9, 7)),
        (nn.Conv2d(8, 8, 3, stride=2, groups=8), nn.BatchNorm2d(8), (1, 8, 9, 7)),
        (nn.Conv2d(4, 12, 3, groups=4, dilation=2), nn.BatchNorm2d(12, affine=False), (1, 4, 9, 9)),
        (nn.Conv2d(4, 8, 3, padding="same"), nn.BatchNorm2d(8), (1, 4, 6, 5)),
        (nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), (1, 3, 8)),
        (nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4), (1, 2, 4, 5, 4)),
        (nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6), (3, 5)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, dilation=2), nn.BatchNorm2d(6), (2, 4, 5, 4)),
        (nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2, bias=False), nn.BatchNorm2d(6), (1, 4, 5, 4)),
        (nn.ConvTranspose1d(4, 4, 2, stride=3, groups=4), nn.BatchNorm1d(4), (1, 4, 5)),
    ],
)
def test_a_batch_norm_behind_disappears_into_the_map(rewritten, convolution, norm, shape) -> None:
    outcome = rewritten(nn.Sequential(convolution, norm), shape, rules=RULES)
    transposed = "_transpose" if "Transpose" in type(convolution).__name__ else ""
    expected = "linear" if isinstance(convolution, nn.Linear) else f"conv{transposed}{len(shape) - 2}d"
    assert outcome.operators == [expected]
    assert outcome.record("fold-batch-norm").matches == 1


def test_a_batch_norm_before_an_unpadded_convolution_disappears_into_it(rewritten) -> None:
    module = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3))
    assert rewritten(module, (1, 3, 6, 6), rules=RULES).operators == ["relu", "conv2d"]


def test_a_batch_norm_before_a_zero_padded_convolution_keeps_its_border(rewritten) -> None:
    module = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, padding=1))
    outcome = rewritten(module, (1, 3, 6, 6))
    assert outcome.operators == ["relu", "batch_norm", "conv2d"]
    assert outcome.reasons("fold-batch-norm") == [
        "relu stands before it; its shift before the zero padding of conv2d is not exact at the border"
    ]


def test_a_batch_norm_that_only_scales_folds_before_a_padded_convolution(rewritten) -> None:
    module = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, padding=1))
    with torch.no_grad():
        module[1].weight.copy_(torch.tensor([2.0, -0.5, 0.25]))
        module[1].running_var.copy_(torch.tensor([0.5, 4.0, 1.5]))
    assert rewritten(module, (1, 3, 6, 6), rules=RULES, seed=None).operators == ["relu", "conv2d"]


def test_several_readers_take_it_each(rewritten, calls) -> None:
    """FastViT's norm before qkv, with a second reader."""

    def forward(self, x):
        tokens = self.norm(torch.relu(x)).flatten(2).transpose(1, 2)
        return self.a(tokens) + self.b(tokens[:, 2:5]).sum(1, keepdim=True)

    module = calls(forward, norm=nn.BatchNorm2d(4), a=nn.Linear(4, 6), b=nn.Linear(4, 6, bias=False))
    outcome = rewritten(module, (2, 4, 3, 3), rules=RULES)
    assert outcome.operators == ["relu", "reshape", "permute", "linear", "slice", "linear", "sum", "add"]


def test_one_reader_that_cannot_take_it_keeps_it_for_all(rewritten, calls) -> None:
    def forward(self, x):
        y = self.norm(torch.relu(x))
        return self.conv(y) + torch.sigmoid(y)

    outcome = rewritten(calls(forward, norm=nn.BatchNorm2d(4), conv=nn.Conv2d(4, 4, 1)), (1, 4, 3, 3), rules=RULES)
    assert outcome.operators == ["relu", "batch_norm", "conv2d", "sigmoid", "add"]
    assert outcome.reasons("fold-batch-norm") == ["relu stands before it; sigmoid stands behind it"]


def test_a_producer_that_also_feeds_something_else_is_left_alone(rewritten, calls) -> None:
    def forward(self, x):
        y = self.conv(x)
        return self.norm(y), y

    outcome = rewritten(calls(forward, conv=nn.Conv2d(3, 4, 1), norm=nn.BatchNorm2d(4)), (1, 3, 4, 4), rules=RULES)
    assert outcome.operators == ["conv2d", "batch_norm"]
    assert outcome.reasons("fold-batch-norm") == ["conv2d also feeds output; output stands behind it"]


def test_a_batch_norm_on_batch_statistics_is_left_alone(rewritten, calls) -> None:
    def forward(self, x):
        return F.batch_norm(self.conv(x), None, None, self.scale, None, training=True)

    module = calls(forward, conv=nn.Conv2d(3, 4, 1), scale=torch.rand(4))
    outcome = rewritten(module, (2, 3, 4, 4), rules=RULES)
    assert outcome.operators == ["conv2d", "batch_norm"]
    assert outcome.reasons("fold-batch-norm") == ["its statistics are computed from the batch or are no constants"]


def test_a_scale_that_depends_on_data_is_left_alone(rewritten, calls) -> None:
    def forward(self, x, gamma):
        return F.batch_norm(self.conv(x), self.mean, self.var, gamma)

    module = calls(forward, conv=nn.Conv2d(3, 4, 1), mean=torch.rand(4), var=torch.rand(4) + 0.5)
    outcome = rewritten(module, (2, 3, 4, 4), (4,), rules=RULES)
    assert outcome.operators == ["conv2d", "batch_norm"]


def test_an_activation_between_is_respected(rewritten) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.GELU(), nn.BatchNorm2d(4))
    outcome = rewritten(module, (1, 3, 4, 4), rules=RULES)
    assert outcome.operators == ["conv2d", "gelu", "batch_norm"]
    assert outcome.reasons("fold-batch-norm") == ["gelu stands before it; output stands behind it"]


def test_a_reshape_that_mixes_channels_is_refused(rewritten, calls) -> None:
    def forward(self, x):
        return self.norm(self.conv(x).permute(0, 2, 3, 1).reshape(1, 2, 4, 8))

    outcome = rewritten(calls(forward, conv=nn.Conv2d(3, 4, 1), norm=nn.BatchNorm2d(2)), (1, 3, 4, 4), rules=RULES)
    assert outcome.operators == ["conv2d", "permute", "reshape", "batch_norm"]
    assert outcome.reasons("fold-batch-norm") == [
        "the reshapes between mix the channels it scales; output stands behind it"
    ]


def test_a_reshape_that_joins_whole_channels_is_followed(rewritten, calls) -> None:
    def forward(self, x):
        return self.norm(self.conv(x).reshape(1, 2, 4, 8))

    outcome = rewritten(calls(forward, conv=nn.Conv2d(3, 4, 1), norm=nn.BatchNorm2d(2)), (1, 3, 4, 4), rules=RULES)
    assert outcome.operators == ["conv2d", "reshape"]


def test_a_shared_parameter_changes_for_one_reader_only(rewritten, calls) -> None:
    def forward(self, x):
        return self.norm(self.conv(x)), self.conv(x * 2)

    outcome = rewritten(calls(forward, conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4)), (1, 3, 5, 5), rules=RULES)
    assert outcome.operators == ["conv2d", "mul", "conv2d"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_parameters_of_another_precision_fold_alike(rewritten, dtype) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(dtype)
    assert rewritten(module, (1, 3, 5, 5), rules=RULES).operators == ["conv2d"]


def test_weights_that_are_not_contiguous_fold_alike(rewritten) -> None:
    convolution = nn.Conv2d(3, 4, 3)
    convolution.weight = nn.Parameter(torch.randn(3, 3, 4, 3).permute(2, 0, 3, 1))
    assert not convolution.weight.is_contiguous()
    assert rewritten(nn.Sequential(convolution, nn.BatchNorm2d(4)), (1, 3, 5, 5), rules=RULES).operators == ["conv2d"]


def test_a_batch_norm_behind_a_concatenation_goes_into_every_part(rewritten, calls) -> None:
    """MixNet: kernels of several sizes, concatenated, then one norm; one part is itself half of a convolution."""

    def forward(self, x):
        half, rest = self.c(x).chunk(2, 1)
        return self.norm(torch.cat([self.a(x), torch.cat([self.b(x), rest], 1)], 1)) + torch.relu(half).mean()

    module = calls(
        forward,
        a=nn.Conv2d(3, 2, 3, padding=1, bias=False),
        b=nn.Conv2d(3, 3, 5, padding=2),
        c=nn.Conv2d(3, 4, 1),
        norm=nn.BatchNorm2d(7),
    )
    assert "batch_norm" not in rewritten(module, (1, 3, 6, 6), rules=RULES).operators


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (
            lambda self, x: torch.tanh(self.norm(torch.cat([self.a(x), torch.relu(x)], 1))),
            "relu stands before it; tanh stands behind it",
        ),
        (lambda self, x: norm_of_twice(self, self.a(x)), "cat reads it twice; tanh stands behind it"),
        (
            lambda self, x: norm_and_sum(self, torch.cat([self.a(x), self.a(x)], 1)),
            "cat also feeds something else; tanh stands behind it",
        ),
        (
            lambda self, x: torch.tanh(self.norm(torch.cat([self.wide(x), self.wide(x * 2)], 2))),
            "it scales along another axis than the concatenation's; tanh stands behind it",
        ),
    ],
)
def test_a_concatenation_that_cannot_take_it_keeps_it(rewritten, calls, forward, reason) -> None:
    module = calls(forward, a=nn.Conv2d(2, 2, 1), wide=nn.Conv2d(2, 4, 1), norm=nn.BatchNorm2d(4))
    outcome = rewritten(module, (1, 2, 3, 3), rules=RULES)
    assert outcome.reasons("fold-batch-norm") == [reason]


def norm_of_twice(self, y: torch.Tensor) -> torch.Tensor:
    return torch.tanh(self.norm(torch.cat([y, y], 1)))


def norm_and_sum(self, joined: torch.Tensor) -> torch.Tensor:
    return torch.tanh(self.norm(joined)) + joined


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: self.head(F.adaptive_avg_pool2d(self.norm(torch.relu(x)), 1).flatten(1)),
        lambda self, x: self.head(self.norm(torch.relu(x)).mean((2, 3))),
        lambda self, x: self.head(self.norm(torch.relu(x)).mean((-2, -1), keepdim=True).flatten(1)),
        lambda self, x: self.conv(F.avg_pool2d(self.norm(torch.relu(x)), 2)),
        lambda self, x: self.conv(F.avg_pool2d(self.norm(torch.relu(x)), 3, 1, 1, count_include_pad=False)),
        lambda self, x: self.head(F.avg_pool1d(self.norm(torch.relu(x)).flatten(2), 2).transpose(1, 2)),
        lambda self, x: self.head(self.norm(torch.relu(x)).flatten(2).transpose(1, 2).mean(1)),
    ],
)
def test_an_average_over_places_lets_it_through(rewritten, calls, forward) -> None:
    module = calls(forward, norm=nn.BatchNorm2d(4), head=nn.Linear(4, 3), conv=nn.Conv2d(4, 3, 1))
    assert "batch_norm" not in rewritten(module, (2, 4, 6, 6), rules=RULES).operators


@pytest.mark.parametrize(
    ("forward", "last"),
    [
        (lambda self, x: self.conv(F.avg_pool2d(self.norm(torch.relu(x)), 3, 1, 1)), "avg_pool2d"),
        (lambda self, x: self.conv(F.avg_pool2d(self.norm(torch.relu(x)), 2, divisor_override=3)), "avg_pool2d"),
        (lambda self, x: self.conv(F.avg_pool2d(self.norm(torch.relu(x)), 4, ceil_mode=True)), "avg_pool2d"),
        (lambda self, x: self.wide(self.norm(torch.relu(x)).mean(1)), "mean"),
        (lambda self, x: self.wide(self.norm(torch.relu(x)).mean((1, 2))), "mean"),
        (lambda self, x: self.conv(F.max_pool2d(self.norm(torch.relu(x)), 2)), "max_pool2d"),
        (lambda self, x: self.wide(F.adaptive_avg_pool1d(self.norm(torch.relu(x)).permute(0, 2, 3, 1)[0], 6)), None),
    ],
)
def test_another_pooling_does_not(rewritten, calls, forward, last) -> None:
    module = calls(forward, norm=nn.BatchNorm2d(4), wide=nn.Linear(6, 3), conv=nn.Conv2d(4, 3, 1))
    outcome = rewritten(module, (1, 4, 6, 6), rules=RULES)
    assert outcome.operators[:2] == ["relu", "batch_norm"]
    (reason,) = outcome.reasons("fold-batch-norm")
    assert reason == f"relu stands before it; {last or 'adaptive_avg_pool1d'} stands behind it"
