"""col2im becomes what is cheapest, and is gone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.fold import Fold

RULES = (Fold(),)


@pytest.mark.parametrize(
    ("name", "function", "shape", "operators"),
    [
        (
            "outlook",
            lambda self, x: F.fold(x, (14, 14), 3, padding=1, stride=2),
            (1, 144, 49),
            ["reshape", "conv_transpose2d"],
        ),
        ("patches", lambda self, x: F.fold(x, (16, 16), 2, stride=2), (1, 32, 64), ["reshape", "pixel_shuffle"]),
        (
            "patches with a border",
            lambda self, x: F.fold(x, (12, 12), 4, stride=4, padding=2),
            (1, 128, 16),
            ["reshape", "conv_transpose2d"],
        ),
        (
            "oblong patches",
            lambda self, x: F.fold(x, (16, 16), (2, 4), stride=(2, 4)),
            (1, 64, 32),
            ["reshape", "conv_transpose2d"],
        ),
        (
            "large overlapping blocks",
            lambda self, x: F.fold(x, (64, 64), 32, stride=16),
            (1, 3072, 9),
            ["reshape", "conv_transpose2d", "conv_transpose2d"],
        ),
        ("columns", lambda self, x: F.fold(x, (5, 1), 1), (2, 3, 5), ["reshape"]),
    ],
)
def test_the_cheapest_way_is_built(rewritten, calls, name, function, shape, operators) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(function), shape, rules=RULES)
    assert outcome.operators == operators, name
    assert outcome.record("fold").matches == 1


@given(*[st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(0, 3))] * 2)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_fold_disappears(rewritten, calls, rows, columns) -> None:
    kernel, stride, dilation, padding, extra = zip(rows, columns, strict=True)
    reach = [dilation[i] * (kernel[i] - 1) + 1 - 2 * padding[i] for i in range(2)]
    size = [max(1, reach[i]) + extra[i] for i in range(2)]
    places = [(size[i] - reach[i]) // stride[i] + 1 for i in range(2)]

    def forward(self, x):
        return F.fold(x * 2, size, kernel, dilation, padding, stride)

    shape = (2, 3 * kernel[0] * kernel[1], places[0] * places[1])
    assert "col2im" not in rewritten(calls(forward), shape, rules=RULES).operators


def test_nothing_but_col2im_is_touched(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: F.pixel_shuffle(x, 2)), (1, 8, 3, 3), rules=RULES)
    assert outcome.operators == ["pixel_shuffle"]
    assert outcome.record("fold").matches == 0
