"""Two linear maps in a row become one, where that is exact and cheaper."""

import pytest
import torch
from torch import nn

from mobiledeploy.rewrite.rules.merge_consecutive import MergeConsecutive

RULES = (MergeConsecutive(),)


@pytest.mark.parametrize(
    ("first", "second", "shape"),
    [
        (nn.Conv2d(4, 8, 3, padding=1, stride=2), nn.Conv2d(8, 4, 1), (1, 4, 9, 9)),
        (nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 4, 1, stride=2, bias=False), (2, 4, 9, 8)),
        (nn.Conv2d(4, 16, 1, bias=False), nn.Conv2d(16, 4, 3, padding=1), (1, 4, 7, 7)),
        (nn.Conv2d(4, 16, 1), nn.Conv2d(16, 4, 3), (1, 4, 7, 7)),
        (nn.Conv2d(4, 16, 1, stride=2), nn.Conv2d(16, 4, 3, dilation=2), (1, 4, 13, 13)),
        (nn.Conv2d(8, 32, 1, groups=4), nn.Conv2d(32, 8, 1, groups=2), (1, 8, 6, 6)),
        (nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 6, 1, groups=6), (1, 6, 6, 6)),
        (nn.Conv2d(8, 8, (1, 2), groups=8), nn.Conv2d(8, 8, (2, 1), groups=8), (1, 8, 6, 6)),
        (nn.Linear(8, 32), nn.Linear(32, 6), (2, 5, 8)),
        (nn.Conv1d(4, 8, 3), nn.Conv1d(8, 2, 1), (1, 4, 9)),
    ],
)
def test_two_maps_are_one(rewritten, first, second, shape) -> None:
    outcome = rewritten(nn.Sequential(first, second), shape, rules=RULES)
    assert outcome.operators == ["linear" if isinstance(first, nn.Linear) else f"conv{len(shape) - 2}d"]
    assert outcome.log.after.macs <= outcome.log.before.macs


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        # of 152 such pairs in timm, none pays: 9 C + C·C against 9 C·C
        (nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 16, 1), "one map would cost more than the two"),
        (nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1), "one map would cost more than the two"),
        (nn.Conv2d(16, 16, 1, bias=False), nn.Conv2d(16, 16, 3, groups=16), "one map would cost more than the two"),
        (
            nn.Conv2d(16, 32, 3, padding=1),
            nn.Conv2d(32, 8, 3, padding=1),
            "the second map pads what the first one computes",
        ),
        (
            nn.Conv2d(16, 32, 1),
            nn.Conv2d(32, 8, 3, padding=1),
            "the first map's bias before the second's zero padding is not exact at the border",
        ),
    ],
)
def test_what_is_dearer_or_wrong_at_the_border_is_refused(rewritten, first, second, reason) -> None:
    outcome = rewritten(nn.Sequential(first, second), (1, 16, 8, 8), rules=RULES)
    assert outcome.operators == ["conv2d", "conv2d"]
    assert outcome.reasons("merge-consecutive") == [reason]


def test_an_inner_result_that_is_read_elsewhere_is_refused(rewritten, calls) -> None:
    def forward(self, x):
        y = self.a(x)
        return self.b(y), torch.relu(y)

    outcome = rewritten(calls(forward, a=nn.Conv2d(3, 8, 3), b=nn.Conv2d(8, 3, 1)), (1, 3, 6, 6), rules=RULES)
    assert outcome.operators == ["conv2d", "conv2d", "relu"]
    assert outcome.reasons("merge-consecutive") == ["the first map's result is also read elsewhere"]


def test_weights_that_depend_on_data_are_refused(rewritten, calls) -> None:
    def forward(self, x, w):
        return nn.functional.conv2d(self.a(x), w)

    outcome = rewritten(calls(forward, a=nn.Conv2d(3, 8, 3)), (1, 3, 6, 6), (3, 8, 1, 1), rules=RULES)
    assert outcome.operators == ["conv2d", "conv2d"]
    assert outcome.reasons("merge-consecutive") == ["its weights are no constants"]


def test_an_activation_between_is_no_pair(rewritten) -> None:
    module = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    outcome = rewritten(module, (1, 8), rules=RULES)
    assert outcome.operators == ["linear", "relu", "linear"]
    assert outcome.reasons("merge-consecutive") == []
