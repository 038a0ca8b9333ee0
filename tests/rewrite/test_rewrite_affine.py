"""The algebra against torch's own convolutions, on random geometry."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mobiledeploy.rewrite.affine import ConvMap, compose, composition, diagonal, merge

# Sums of some thousand float64 products of order one.
TOLERANCE = 1e-11
EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def apply(map: ConvMap, x: torch.Tensor) -> torch.Tensor:
    g = map.geometry
    if not g.kernel:
        return F.linear(x, map.weight())
    return CONVOLUTIONS[len(g.kernel)](x, map.weight(), None, g.stride, g.padding, g.dilation, g.groups)


@st.composite
def maps(draw: st.DrawFn, spatial: int, ins: int, outs: int, stride: tuple[int, ...] | None = None) -> ConvMap:
    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(spatial))

    groups = draw(st.sampled_from([g for g in range(1, ins + 1 if spatial else 2) if ins % g == 0 and outs % g == 0]))
    kernel, padding, dilation = per_axis(1, 4), per_axis(0, 3), per_axis(1, 3)
    weight = torch.randn(
        outs, ins // groups, *kernel, generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))
    )
    return ConvMap.of(weight, groups, stride or per_axis(1, 3), padding, dilation)


@EXAMPLES
@given(st.data())
def test_a_merged_map_is_the_sum_of_both(data) -> None:
    spatial, ins, outs = (
        data.draw(st.integers(1, 3)),
        data.draw(st.sampled_from([2, 4])),
        data.draw(st.sampled_from([4, 8])),
    )
    stride = tuple(data.draw(st.integers(1, 2)) for _ in range(spatial))
    first, second = (data.draw(maps(spatial, ins, outs, stride)) for _ in range(2))
    size = tuple(data.draw(st.integers(9, 13)) for _ in range(spatial))
    x = torch.randn(2, ins, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assume(all(n > 0 for g in (first.geometry, second.geometry) for n in g.positions(size)))
    alone = apply(first, x), apply(second, x)
    together = merge(first, second, size)
    if isinstance(together, str):
        assert together == "no symmetrically padded kernel covers both branches"
        return
    assert torch.allclose(apply(together, x), alone[0] + alone[1], rtol=0, atol=TOLERANCE)


def test_branches_that_land_on_different_positions_are_never_merged() -> None:
    """Every pair of centred odd kernels merges; a pair whose outputs have other sizes does not."""
    for k in (1, 3, 5):
        for other in (1, 3, 5):
            first = ConvMap.of(torch.randn(2, 2, k, k), 1, (1, 1), (k // 2, k // 2), (1, 1))
            centred = ConvMap.of(torch.randn(2, 2, other, other), 1, (1, 1), (other // 2,) * 2, (1, 1))
            smaller = ConvMap.of(torch.randn(2, 2, other, other), 1, (1, 1), (other // 2 + 1,) * 2, (1, 1))
            assert isinstance(merge(first, centred, (8, 8)), ConvMap)
            assert isinstance(merge(first, smaller, (8, 8)), str)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (((2, 2, 1), (1,)), ((4, 2, 1), (1,)), "the branches have different numbers of channels"),
        (((2, 2, 1), (1,)), ((2, 2, 1), (2,)), "the branches have different strides"),
        (((2, 2, 2), (1,)), ((2, 2, 1), (1,)), "no symmetrically padded kernel covers both branches"),
    ],
)
def test_what_cannot_merge_says_why(first, second, reason) -> None:
    (a, stride_a), (b, stride_b) = first, second
    one = ConvMap.of(torch.randn(a), 1, stride_a, (0,), (1,))
    two = ConvMap.of(torch.randn(b), 1, stride_b, (0,), (1,))
    assert merge(one, two, (9,)) == reason


@EXAMPLES
@given(st.data())
def test_a_composed_map_is_one_after_the_other(data) -> None:
    spatial = data.draw(st.integers(0, 2))
    ins, middle, outs = (data.draw(st.sampled_from([2, 4, 6])) for _ in range(3))
    inner, outer = data.draw(maps(spatial, ins, middle)), data.draw(maps(spatial, middle, outs))
    size = tuple(data.draw(st.integers(13, 17)) for _ in range(spatial))
    shape = (2, ins, *size)
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assume(all(n > 0 for n in outer.geometry.positions(inner.geometry.positions(size))))
    union = composition(inner.geometry, outer.geometry, size)
    if isinstance(union, str):
        padded_over = outer.geometry.is_padded and (math.prod(inner.geometry.kernel) > 1 or inner.geometry.is_padded)
        assert padded_over == (union == "the second map pads what the first one computes")
        return
    together = compose(inner, outer, union)
    assert torch.allclose(apply(together, x), apply(outer, apply(inner, x)), rtol=0, atol=TOLERANCE)


@EXAMPLES
@given(st.data())
def test_scales_commute_with_the_map(data) -> None:
    map = data.draw(maps(2, 4, 8))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 12, 12, dtype=torch.float64, generator=generator)
    ins, outs = (torch.randn(n, dtype=torch.float64, generator=generator) for n in (4, 8))
    scaled = map.scale_outputs(outs).scale_outputs(outs).scale_inputs(ins)
    expected = apply(map, x * ins[:, None, None]) * (outs * outs)[:, None, None]
    assert torch.allclose(apply(scaled, x), expected, rtol=0, atol=TOLERANCE * 100)


def test_a_constant_input_gives_what_of_constant_says() -> None:
    map = ConvMap.of(torch.randn(8, 2, 3, 3), 2, (1, 1), (0, 0), (2, 1))
    value = torch.randn(4, dtype=torch.float64)
    y = apply(map, value[None, :, None, None].expand(1, 4, 9, 9))
    assert torch.allclose(y[0, :, 0, 0], map.of_constant(value), rtol=0, atol=TOLERANCE)


def test_identity_and_scale_are_diagonal() -> None:
    scale = torch.tensor([1.0, 2.0], dtype=torch.float64)
    for spatial in (0, 1, 2, 3):
        map = diagonal(scale, spatial)
        assert map.is_diagonal
        assert map.geometry.macs_per_position == 0
        assert not map.is_uniform(1.0)
        assert diagonal(torch.full((2,), -1.0, dtype=torch.float64), spatial).is_uniform(-1.0)


@pytest.mark.parametrize(
    "map",
    [
        ConvMap.of(torch.ones(2, 2, 1, 1), 1, (1, 1), (0, 0), (1, 1)),
        ConvMap.of(torch.ones(2, 1, 1, 1), 2, (2, 1), (0, 0), (1, 1)),
        ConvMap.of(torch.ones(2, 1, 1, 1), 2, (1, 1), (1, 1), (1, 1)),
        ConvMap.of(torch.ones(4, 1, 1, 1), 2, (1, 1), (0, 0), (1, 1)),
        ConvMap.of(torch.ones(2, 1, 3, 1), 2, (1, 1), (1, 0), (1, 1)),
    ],
)
def test_what_is_more_than_a_scale_is_not_diagonal(map) -> None:
    assert not map.is_diagonal


def test_a_map_without_a_part_that_passes_anything_is_zero() -> None:
    weight = torch.randn(2, 2, 3)
    map = ConvMap.of(weight, 1, (1,), (1,), (1,))
    assert not map.is_zero()
    assert map.scale_outputs(torch.zeros(2, dtype=torch.float64)).is_zero()
    assert not map.scale_outputs(torch.tensor([0.0, 1.0], dtype=torch.float64)).is_zero()
    assert ConvMap.of(0 * weight, 1, (1,), (1,), (1,)).is_zero()


def test_stored_weights_are_never_written_to() -> None:
    weight = torch.randn(4, 1, 3, 3)
    kept = weight.clone()
    map = ConvMap.of(weight, 4, (1, 1), (1, 1), (1, 1))
    merge(map, map.scale_outputs(torch.full((4,), 2.0, dtype=torch.float64)), (8, 8)).weight().zero_()
    map.scale_inputs(torch.zeros(4, dtype=torch.float64))
    assert torch.equal(weight, kept)
