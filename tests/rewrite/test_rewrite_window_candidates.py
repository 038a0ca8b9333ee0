"""Every way to lay windows out gives torch's own values, for any geometry."""

from __future__ import annotations

import pytest
import torch
from eager_site import EagerSite, run
from hypothesis import given, settings
from hypothesis import strategies as st

from mobiledeploy.rewrite.drafts import cheapest, draft
from mobiledeploy.rewrite.window_candidates import window_candidates
from mobiledeploy.rewrite.windows import Window, Windows, im2col_windows

aten = torch.ops.aten
PAIRS = st.tuples(st.sampled_from([1, 2, 3, 4, 6]), st.integers(1, 4))


@st.composite
def unfolds(draw: st.DrawFn) -> tuple[torch.Tensor, tuple[tuple[int, int], ...]]:
    """A picture of distinct whole numbers, and im2col's kernel, dilation, padding and stride."""
    kernel, dilation, stride = draw(PAIRS), draw(st.tuples(*[st.integers(1, 2)] * 2)), draw(PAIRS)
    padding = draw(st.tuples(*[st.integers(0, 2)] * 2))
    reach = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    sizes = [max(1, least) + draw(st.integers(0, 5)) for least in reach]
    leading = draw(st.sampled_from([(1,), (3,), (1, 1), (1, 2), (2, 1), (2, 3)]))
    shape = (*leading, *sizes)
    picture = torch.arange(1.0, 1 + torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
    return picture, (kernel, dilation, padding, stride)


@given(unfolds())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_all_candidates_are_im2col(case: tuple[torch.Tensor, tuple[tuple[int, int], ...]]) -> None:
    picture, geometry = case
    site = EagerSite()
    source = site.source(picture)
    node = site.call(aten.im2col.default, source, *map(list, geometry))
    candidates = list(window_candidates(im2col_windows(node), source))
    assert len(candidates) >= 4
    for candidate in candidates:
        assert torch.equal(run(candidate, picture), node.meta["val"]), candidate.name


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 6, 7, 9), (0, 2, 3, 4, 6, 7, 9, 1), (9, 7, 4, 6, 3, 2, 1, 0)])
def test_any_order_of_three_axes_of_windows(order: tuple[int, ...]) -> None:
    x = torch.arange(2.0 * 5 * 6 * 2 * 7, dtype=torch.float64).reshape(2, 5, 6, 2, 7)
    laid = x.unfold(1, 3, 1).unfold(2, 2, 2).unfold(4, 3, 2)
    expected = laid.permute([[0, 1, 2, 3, 4, 6, 7, 9].index(label) for label in order])
    windows = (Window(1, 3, 1), Window(2, 2, 2), Window(4, 3, 2))
    spec = Windows(5, windows, order, tuple(expected.shape))
    for candidate in window_candidates(spec, EagerSite().source(x)):
        assert torch.equal(run(candidate, x), expected), candidate.name


def names(spec: Windows, shape: tuple[int, ...]) -> set[str]:
    return {candidate.name for candidate in window_candidates(spec, EagerSite().source(torch.zeros(shape)))}


GENERAL = {f"{way} of axis 0" for way in ("gather by place", "gather by window", "slices by place", "slices by window")}


def test_a_reshape_is_no_way_for_windows_that_overlap() -> None:
    overlapping = Windows(1, (Window(0, 3, 2),), (0, 1), (3, 3))
    apart = Windows(1, (Window(0, 3, 3),), (0, 1), (2, 3))
    assert names(overlapping, (7,)) == {*GENERAL, "one-hot convolution"}
    assert names(apart, (7,)) == {*GENERAL, "one-hot convolution", "reshape of axis 0"}


def test_windows_of_whole_blocks_are_slices_of_blocks() -> None:
    """Frames of 400 samples every 160 are five blocks of 80 each."""
    x = torch.arange(1500.0, dtype=torch.float64).reshape(1, 1500)
    spec = Windows(2, (Window(1, 400, 160),), (0, 1, 3), (1, 7, 400))
    blocks = {c.name: c for c in window_candidates(spec, EagerSite().source(x)) if c.name.endswith(" of blocks")}
    assert "slices by place of axis 1 of blocks" in blocks
    assert draft(blocks["slices by place of axis 1 of blocks"], [EagerSite().source(x)]).cost.operators <= 9
    for candidate in blocks.values():
        assert torch.equal(run(candidate, x), x.unfold(1, 400, 160)), candidate.name


@pytest.mark.parametrize(("size", "step"), [(7, 4), (4, 4), (4, 8), (3, 1)])
def test_windows_that_blocks_would_not_help_are_not_cut(size: int, step: int) -> None:
    spec = Windows(1, (Window(0, size, step),), (0, 1), ((20 - size) // step + 1, size))
    assert not any("blocks" in name for name in names(spec, (20,)))


def test_hundreds_of_slices_are_not_drafted() -> None:
    spec = Windows(1, (Window(0, 400, 1),), (0, 1), (601, 400))
    assert not any("slices" in name for name in names(spec, (1000,)))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_what_is_no_number_with_a_point_is_not_convolved(dtype: torch.dtype) -> None:
    x = (torch.arange(2 * 3 * 6 * 6) % 5).to(dtype).reshape(2, 3, 6, 6)
    windows = (Window(2, 3, 1), Window(3, 2, 2))
    spec = Windows(4, windows, (0, 1, 2, 3, 6, 7), (2, 3, 4, 3, 3, 2))
    for candidate in window_candidates(spec, EagerSite().source(x)):
        assert "convolution" not in candidate.name
        assert torch.equal(run(candidate, x), x.unfold(2, 3, 1).unfold(3, 2, 2))


def test_windows_of_a_third_axis_from_behind_have_no_convolution() -> None:
    spec = Windows(3, (Window(0, 3, 1),), (0, 1, 2, 3), (3, 5, 5, 3))
    assert names(spec, (5, 5, 5)) == GENERAL


def test_the_cheapest_has_the_least_weight_among_those_of_few_axes() -> None:
    x = EagerSite().source(torch.zeros(2, 8, 12, 12))
    spec = Windows(4, (Window(2, 3, 1), Window(3, 3, 1)), (0, 1, 2, 3, 6, 7), (2, 8, 10, 10, 3, 3))
    drafts = [draft(candidate, [x]) for candidate in window_candidates(spec, x)]
    assert any(each.axes > 5 for each in drafts), "slices that stack the second axis of windows behind four others"
    best = cheapest(window_candidates(spec, x), [x])
    assert best.axes <= 5
    assert best.weight == min(each.weight for each in drafts if each.axes <= 5)


def test_a_gather_bears_the_risk_of_leaving_the_neural_engine() -> None:
    x = EagerSite().source(torch.zeros(64, 400))
    spec = Windows(2, (Window(1, 8, 4),), (0, 1, 3), (64, 99, 8))
    found = {each.candidate.name: each for each in (draft(c, [x]) for c in window_candidates(spec, x))}
    gather, slices = found["gather by window of axis 1"], found["slices by place of axis 1"]
    assert gather.cost.bytes < slices.cost.bytes
    assert gather.cost.operators < slices.cost.operators
    assert gather.weight > slices.weight
