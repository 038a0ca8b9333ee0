"""Labelled axes are moved by the fewest operators."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch
from eager_site import EagerSite

from mobiledeploy.rewrite.layout import Axes, Layout

SIZES = {0: 2, 1: 3, 2: 1, 3: 4, 4: 5}


def layout_of(site: EagerSite, axes: Axes) -> Layout:
    shape = [math.prod(SIZES[label] for label in axis) for axis in axes]
    return Layout(site.source(torch.arange(math.prod(shape)).reshape(shape)), axes, SIZES)


def calls(site: EagerSite) -> list[str]:
    return [str(node.target).split(".")[1] for node in site.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize(
    ("before", "after", "operators"),
    [
        (((0,), (1, 3)), ((0,), (1,), (3,)), ["reshape"]),
        (((0,), (1, 3)), ((0,), (1, 3)), []),
        (((0,), (1, 3), (4,)), ((4,), (0,), (1, 3)), ["permute"]),
        (((0, 1), (3, 4)), ((3, 4), (0, 1)), ["permute"]),
        (((0, 1), (3, 4)), ((3,), (4, 0, 1)), ["permute", "reshape"]),
        (((0, 1, 3), (4,)), ((0,), (3,), (1,), (4,)), ["reshape", "permute"]),
        (((0, 1, 3), (4,)), ((0, 3), (1, 4)), ["reshape", "permute", "reshape"]),
        (((0,), (2,), (1,)), ((2,), (0,), (1,)), ["reshape"]),
    ],
)
def test_a_movement_has_no_operator_too_many(before: Axes, after: Axes, operators: list[str]) -> None:
    site = EagerSite()
    layout_of(site, before).arrange(site, after)
    assert calls(site) == operators


def test_a_reshape_before_a_permute_keeps_together_what_travels_together() -> None:
    site = EagerSite()
    layout_of(site, ((0, 1, 3, 4),)).arrange(site, ((3, 4), (0, 1)))
    (permute,) = [node for node in site.graph.nodes if "permute" in str(node.target)]
    assert permute.meta["val"].dim() == 2


@pytest.mark.parametrize("seed", range(20))
def test_every_label_is_where_the_layout_says(seed: int) -> None:
    chance = random.Random(seed)

    def cut(labels: list[int]) -> Axes:
        marks = [0, *sorted(chance.sample(range(1, len(labels)), chance.randint(0, len(labels) - 1))), len(labels)]
        return tuple(tuple(labels[a:b]) for a, b in itertools.pairwise(marks))

    order = chance.sample(range(5), 5)
    site = EagerSite()
    layout = layout_of(site, cut(list(range(5))))
    moved = layout.arrange(site, cut(order))
    whole = torch.arange(math.prod(SIZES.values())).reshape(list(SIZES.values()))
    assert torch.equal(moved.node.meta["val"].flatten(), whole.permute(order).flatten())
    assert tuple(moved.node.meta["val"].shape) == tuple(math.prod(SIZES[i] for i in axis) for axis in moved.axes)
    assert moved.labels == tuple(order)


def test_the_axis_of_a_merged_label_is_none() -> None:
    layout = layout_of(EagerSite(), ((0, 1), (3,)))
    assert layout.axis_of(3) == 1
    with pytest.raises(ValueError, match="not in tuple"):
        layout.axis_of(0)
