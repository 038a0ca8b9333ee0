"""Any order is reached by permutes of few axes, and by the fewest where two are enough."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobiledeploy.rewrite.axes.atoms import common_refinement, spans
from mobiledeploy.rewrite.axes.block_order import block_steps


def applied(count: int, steps) -> tuple[int, ...]:
    current = tuple(range(count))
    for step in steps:
        assert sorted(position for start, stop in step for position in range(start, stop)) == list(range(count))
        current = tuple(current[position] for start, stop in step for position in range(start, stop))
    return current


@pytest.mark.parametrize(
    ("order", "bound", "steps"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 7), 3, 0),
        ((4, 5, 6, 7, 0, 1, 2, 3), 3, 1),
        ((0, 2, 1, 3, 4, 5), 3, 2),
        ((0, 2, 1, 3, 4, 5), 4, 1),
        ((0, 1, 3, 2, 4, 5), 5, 1),
        ((0, 3, 1, 4, 2, 5), 5, 2),
        ((5, 4, 3, 2, 1, 0), 5, 2),
        ((7, 6, 5, 4, 3, 2, 1, 0), 5, 2),
    ],
)
def test_the_number_of_permutes(order, bound, steps) -> None:
    found = block_steps(order, bound)
    assert len(found) == steps
    assert applied(len(order), found) == order


def test_six_axes_never_take_more_than_two_permutes_of_five() -> None:
    assert max(len(block_steps(order, 5)) for order in permutations(range(6))) == 2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 14).flatmap(lambda n: st.permutations(range(n))), st.sampled_from([3, 4, 5]))
def test_every_order_is_reached_within_the_bound(order, bound) -> None:
    steps = block_steps(tuple(order), bound)
    assert all(len(step) <= bound for step in steps)
    assert applied(len(order), steps) == tuple(order)


@pytest.mark.parametrize(
    ("cuts", "refined"),
    [
        (((24,), (4, 6)), (4, 6)),
        (((2, 12), (8, 3)), (2, 4, 3)),
        (((4, 6), (6, 4)), None),
        (((2, 3, 4), (6, 4), (24,)), (2, 3, 4)),
        (((), ()), ()),
    ],
)
def test_the_common_refinement(cuts, refined) -> None:
    assert common_refinement(*cuts) == refined


def test_only_what_interleaves_is_one_span() -> None:
    assert [(span.start, span.stop, span.first, span.last) for span in spans((5, 4, 6, 7), (5, 6, 4, 7))] == [
        (0, 1, 0, 1),
        (1, 3, 1, 3),
        (3, 4, 3, 4),
    ]
