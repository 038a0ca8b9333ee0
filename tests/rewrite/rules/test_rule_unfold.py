"""im2col and Tensor.unfold become what is cheapest, and are gone."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mobiledeploy.rewrite.rules.unfold import Unfold

RULES = (Unfold(),)


@pytest.mark.parametrize(
    ("name", "function", "shape", "operators"),
    [
        (
            "soft split",
            lambda self, x: F.unfold(x, 7, stride=4, padding=2).transpose(1, 2),
            (1, 3, 96, 96),
            ["conv2d", "permute", "reshape"],
        ),
        (
            "outlook",
            lambda self, x: F.unfold(x, 3, padding=1, stride=2).reshape(1, 2, 8, 9, 49),
            (1, 16, 14, 14),
            ["conv2d", "reshape"],
        ),
        ("patches", lambda self, x: F.unfold(x, 2, stride=2), (1, 8, 16, 16), ["pixel_unshuffle", "reshape"]),
        (
            "patches with a border",
            lambda self, x: F.unfold(x, 4, stride=4, padding=2),
            (1, 8, 20, 20),
            ["conv2d", "reshape"],
        ),
        (
            "oblong patches of a row",
            lambda self, x: x.unfold(1, 8, 8),
            (4, 64),
            ["reshape"],
        ),
        (
            "halo",
            lambda self, x: x.unfold(2, 11, 7).unfold(3, 11, 7).reshape(8, 96, 4, 121),
            (1, 768, 18, 18),
            ["slice", "slice", "stack", "slice", "slice", "cat", "reshape"],
        ),
        (
            "frames of a signal",
            lambda self, x: x.unfold(-1, 400, 160),
            (1, 16000),
            ["slice", "reshape", *["slice"] * 5, "cat"],
        ),
        (
            "one window of everything",
            lambda self, x: x.unfold(1, 6, 1).permute(0, 2, 1).reshape(2, 6),
            (2, 6),
            [],
        ),
    ],
)
def test_the_cheapest_way_is_built(rewritten, calls, name, function, shape, operators) -> None:  # noqa: PLR0917
    outcome = rewritten(calls(function), shape, rules=RULES)
    assert outcome.operators == operators, name
    assert outcome.record("unfold").matches == 1
    assert outcome.record("unfold").relative_error == 0


def test_a_soft_split_has_one_kernel_per_channel_and_place(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: F.unfold(x, 7, stride=4, padding=2)), (1, 3, 96, 96), rules=RULES)
    (conv,) = outcome.calls("conv2d")
    assert tuple(conv.args[1].meta["val"].shape) == (147, 1, 7, 7)
    assert outcome.log.after.macs * 3 == outcome.log.before.macs, "a dense one-hot kernel reads every channel"


@st.composite
def rows(draw: st.DrawFn) -> tuple[tuple[int, ...], list[tuple[int, int, int]]]:
    """A shape and unfolds in a row, of old axes and of those that unfolding made."""
    shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    sizes, steps = list(shape), []
    for _ in range(draw(st.integers(1, 3))):
        axis = draw(st.integers(0, len(sizes) - 1))
        size, step = draw(st.integers(1, sizes[axis])), draw(st.integers(1, 4))
        steps.append((axis - draw(st.sampled_from([0, len(sizes)])), size, step))
        sizes[axis] = (sizes[axis] - size) // step + 1
        sizes.append(size)
    return tuple(shape), steps


@given(rows(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_of_unfolds_disappears(rewritten, calls, case, random, reshapes) -> None:
    shape, steps = case

    def forward(self, x):
        for step in steps:
            x = x.unfold(*step)
        axes = list(range(x.dim()))
        random.seed(len(axes))
        random.shuffle(axes)
        x = x.permute(axes)
        return (x.reshape(-1, math.prod(x.shape[1:])) if reshapes else x) * 2

    outcome = rewritten(calls(forward), shape, rules=RULES)
    assert not {"unfold", "im2col"} & set(outcome.operators)


def test_windows_that_are_read_twice_are_two_rows(rewritten, calls) -> None:
    """The first unfold's own result is wanted, so the second is one of what the first became."""

    def forward(self, x):
        y = x.unfold(1, 3, 2)
        return y.relu(), y.unfold(2, 2, 1).sigmoid()

    outcome = rewritten(calls(forward), (2, 7), rules=RULES)
    assert outcome.record("unfold").matches == 2
    assert "unfold" not in outcome.operators


def test_a_permute_that_others_read_too_stays(rewritten, calls) -> None:
    def forward(self, x):
        y = F.unfold(x, 3)
        return y.relu(), y.transpose(1, 2).sigmoid()

    outcome = rewritten(calls(forward), (1, 4, 6, 6), rules=RULES)
    assert outcome.operators == ["conv2d", "reshape", "relu", "permute", "sigmoid"]


def test_a_scalar_has_no_axis_to_slide_along(rewritten, calls) -> None:
    outcome = rewritten(calls(lambda self, x: x.sum().unfold(0, 1, 1)), (3,), rules=RULES)
    assert outcome.operators == ["sum", "unfold"]
    assert outcome.record("unfold").matches == 0


def test_permutes_behind_the_windows_are_taken_in(rewritten, calls) -> None:
    outcome = rewritten(
        calls(lambda self, x: F.unfold(x, 3).permute(2, 0, 1).permute(1, 0, 2).reshape(2, 4, 4, 6, 6)),
        (2, 4, 6, 6),
        rules=RULES,
    )
    assert outcome.operators == ["conv2d", "permute", "reshape"]
