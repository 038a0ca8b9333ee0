"""Which nodes belong to one row of windows, and in which order it lays them out."""

from __future__ import annotations

import pytest
from torch.nn import functional as F

from mobiledeploy.rewrite.window_reading import windows_of
from mobiledeploy.rewrite.windows import Window


def readings(program):
    nodes = [node for node in program.graph.nodes if "unfold" in str(node.target) or "im2col" in str(node.target)]
    return [windows_of(node) for node in nodes]


def test_unfolds_of_two_axes_with_what_follows_are_one_row(captured, calls) -> None:
    def forward(self, x):
        return x.unfold(2, 3, 1).unfold(-2, 4, 2).permute(0, 2, 3, 1, 4, 5).reshape(16, 8, 12).relu()

    first, second = readings(captured(calls(forward), (2, 8, 6, 6)))
    assert first is None, "inside the row"
    assert second is not None
    assert second.windows.windows == (Window(2, 3, 1), Window(3, 4, 2))
    assert second.windows.order == (0, 2, 3, 1, 6, 7)
    assert second.windows.shape == (16, 8, 12)
    assert second.last.target.__name__ == "reshape.default"


def test_an_unfold_of_places_begins_a_row(captured, calls) -> None:
    first, second = readings(captured(calls(lambda self, x: x.unfold(1, 4, 2).unfold(2, 2, 1)), (2, 9)))
    assert first is not None
    assert second is not None
    assert second.source is first.last
    assert second.windows.windows == (Window(2, 2, 1),)


def test_a_row_ends_where_somebody_else_reads(captured, calls) -> None:
    def forward(self, x):
        y = x.unfold(0, 2, 1)
        return y.unfold(1, 2, 1).permute(3, 2, 1, 0), y.relu()

    first, second = readings(captured(calls(forward), (5, 6)))
    assert first is not None
    assert second is not None
    assert first.last is second.source
    assert second.windows.order == (3 + 1, 2, 1, 0)


@pytest.mark.parametrize(
    ("shape", "order"),
    [((2, 4, 6, 6), (2, 3, 1, 6, 7, 0)), ((4, 6, 6), (1, 2, 0, 4, 5))],
)
def test_permuted_columns(captured, calls, shape, order) -> None:
    def forward(self, x):
        columns = F.unfold(x, 3, (1, 2), 1, (2, 1))
        return columns.permute(2, 1, 0) if x.dim() == 4 else columns.T

    (reading,) = readings(captured(calls(forward), shape))
    assert reading is not None
    assert reading.windows.order == order
    height, width = len(shape) - 2, len(shape) - 1
    assert reading.windows.windows == (Window(height, 3, 2, 1, 1, 1), Window(width, 3, 1, 2, 1, 1))
