"""Every way to sum blocks into a picture gives torch's own values, for any geometry."""

from __future__ import annotations

import torch
from eager_site import EagerSite, run
from hypothesis import given, settings
from hypothesis import strategies as st

from mobiledeploy.rewrite.fold_candidates import col2im_blocks, fold_candidates

aten = torch.ops.aten


@st.composite
def folds(draw: st.DrawFn) -> tuple[torch.Tensor, tuple[list[int], ...]]:
    """Whole numbers as blocks, and col2im's size, kernel, dilation, padding and stride."""
    kernel, stride = ([draw(st.integers(1, 4)) for _ in range(2)] for _ in range(2))
    dilation, padding = [draw(st.integers(1, 3)) for _ in range(2)], [draw(st.integers(0, 2)) for _ in range(2)]
    reach = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = [max(1, least) + draw(st.integers(0, 7)) for least in reach]
    counts = [(size[i] - reach[i]) // stride[i] + 1 for i in range(2)]
    shape = (draw(st.integers(1, 3)) * kernel[0] * kernel[1], counts[0] * counts[1])
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    blocks = torch.arange(1.0, 1 + torch.Size((*batch, *shape)).numel(), dtype=torch.float64).reshape(*batch, *shape)
    return blocks, (size, kernel, dilation, padding, stride)


@given(folds())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_all_candidates_are_col2im(case: tuple[torch.Tensor, tuple[list[int], ...]]) -> None:
    """Sums of whole numbers are exact in float64, in whichever order."""
    blocks, geometry = case
    site = EagerSite()
    node = site.call(aten.col2im.default, site.source(blocks), *geometry)
    candidates = list(fold_candidates(col2im_blocks(node)))
    assert len(candidates) >= 4
    for candidate in candidates:
        assert torch.equal(run(candidate, blocks), node.meta["val"]), candidate.name


def names(size: int, kernel: tuple[int, int], stride: tuple[int, int], padding: int = 0) -> set[str]:
    counts = [(size + 2 * padding - k) // s + 1 for k, s in zip(kernel, stride, strict=True)]
    site = EagerSite()
    blocks = site.source(torch.zeros(1, kernel[0] * kernel[1], counts[0] * counts[1]))
    node = site.call(aten.col2im.default, blocks, [size] * 2, list(kernel), [1, 1], [padding] * 2, list(stride))
    return {candidate.name for candidate in fold_candidates(col2im_blocks(node))}


def test_only_square_blocks_side_by_side_are_a_pixel_shuffle() -> None:
    assert {"reshape", "pixel shuffle"} <= names(8, (2, 2), (2, 2))
    assert "pixel shuffle" not in names(8, (2, 4), (2, 4))
    assert "reshape" in names(8, (2, 4), (2, 4))
    assert not {"reshape", "pixel shuffle"} & names(8, (2, 2), (2, 1))
    assert not {"reshape", "pixel shuffle"} & names(8, (2, 2), (2, 3))


def test_a_single_row_is_not_skewed() -> None:
    assert not any("skew" in name for name in names(8, (2, 2), (2, 2)))
    assert {name for name in names(8, (4, 2), (2, 2)) if "skew" in name} == {
        "skewed rows of axis 2, padded rows of axis 3",
        "padded rows of axis 3, skewed rows of axis 2",
    }
