"""Steps on a terminal and elsewhere."""

from __future__ import annotations

import io
from itertools import count

import pytest
from rich.console import Console

from mobiledeploy.cli.progress import StepProgress


def steps(*, terminal: bool) -> str:
    """What two steps with a note print; the clock advances one second each time it is read."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80, color_system=None)
    ticks = count()
    with StepProgress(console, clock=lambda: float(next(ticks))) as progress:
        progress.step("first [bold]")
        progress.note("a note")
        progress.step("second")
    return stream.getvalue()


def test_one_plain_line_per_step_where_there_is_no_terminal() -> None:
    assert steps(terminal=False) == "first [bold]\n  a note\nsecond\n"


def test_each_step_ends_in_a_mark_and_its_seconds_on_a_terminal() -> None:
    text = steps(terminal=True)
    assert "✓ first [bold] 1.0 s" in text
    assert "✓ second 1.0 s" in text


def fail_in_the_second_step(console: Console) -> None:
    with StepProgress(console) as progress:
        progress.step("first")
        progress.step("second")
        raise ValueError("broken")


def test_the_step_that_failed_is_marked() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"):
        fail_in_the_second_step(Console(file=stream, force_terminal=True, width=80, color_system=None))
    assert "✓ first" in stream.getvalue()
    assert "✗ second" in stream.getvalue()


def test_a_warning_stands_in_a_box() -> None:
    stream = io.StringIO()
    with StepProgress(Console(file=stream, width=60, color_system=None)) as progress:
        progress.warn("the hub is out of reach: [weights] are random")
    text = stream.getvalue()
    assert "warning" in text
    assert "[weights] are random" in text
    assert text.startswith("╭")
