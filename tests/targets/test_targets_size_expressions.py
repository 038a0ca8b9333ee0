"""Whole numbers as expressions of the picture's size: right at every size asked for, and simple."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobiledeploy.targets.size_expressions import Lookup, Quotient, Step, evaluate, expression

SQUARES = ((160, 160), (192, 192), (256, 256))


@pytest.mark.parametrize(
    ("values", "sizes", "expected"),
    [
        ((7, 7, 7), SQUARES, Quotient(offset=7)),
        ((10, 12, 16), SQUARES, Quotient((0,), 1, 0, 16)),
        ((320, 384, 512), SQUARES, Quotient((0,), 2, 0, 1)),
        ((100, 144, 256), SQUARES, Quotient((0, 1), 1, 0, 256)),
        ((-10, -12, -16), SQUARES, Quotient((0,), -1, 0, 16)),
        ((12, 8), ((160, 192), (160, 128)), Quotient((1,), 1, 0, 16)),
        ((9, 11, 15), SQUARES, Quotient((0,), 1, -16, 16)),
        ((6, 6, 8), SQUARES, Lookup((Step(0, 160, 32, 4),), (6, 6, 6, 8))),
        ((5, 9), ((160, 192), (160, 128)), Quotient((1,), -1, 272, 16)),
        (
            (1, 5, 2),
            ((32, 32), (32, 64), (64, 32)),
            Lookup((Step(0, 32, 32, 2), Step(1, 32, 32, 2)), (1, 5, 2, 1)),
        ),
    ],
    ids=["constant", "height", "multiple", "area", "negative", "width", "linear", "table", "linear in width", "grid"],
)
def test_the_simplest_expression_is_found(values, sizes, expected) -> None:
    assert expression(values, sizes) == expected
    assert [evaluate(expected, size) for size in sizes] == list(values)


@given(st.data())
def test_every_expression_is_right_at_every_size(data) -> None:
    side = st.integers(1, 1024)
    sizes = data.draw(st.lists(st.tuples(side, side), min_size=1, max_size=6, unique=True))
    values = data.draw(st.lists(st.integers(-(2**20), 2**20), min_size=len(sizes), max_size=len(sizes)))
    found = expression(values, sizes)
    assert [evaluate(found, size) for size in sizes] == values


def test_a_product_beyond_int32_is_looked_up() -> None:
    sizes = ((40000, 40000), (80000, 80000))
    found = expression((16, 64), sizes)
    assert isinstance(found, Quotient)
    assert found.axes == (0,), "height * width would be 6.4e9"
    assert [evaluate(found, size) for size in sizes] == [16, 64]
