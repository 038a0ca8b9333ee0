"""Names that phones give themselves are shown on a terminal, and command nothing there."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mobiledeploy.cli import screen as screens
from mobiledeploy.cli.progress import StepProgress
from mobiledeploy.cli.screen import Screen

HOSTILE = "Zoë\x1b[2J\x1b]0;owned\x07\x9b31m\x08\r phone"
SHOWN = "Zoë\ufffd[2J\ufffd]0;owned"
GOLDEN = Path(__file__).parents[1] / "golden" / "benchmark.json"


def commands(text: str) -> set[str]:
    """What would command a terminal, but for rich's own colours and line ends."""
    return {each for each in text if (ord(each) < 32 or 127 <= ord(each) < 160) and each != "\n"}


def test_a_name_is_shown_and_commands_nothing(capsys) -> None:
    table = Table("device")
    table.add_row(Text(HOSTILE))
    Screen().show(Text(HOSTILE), table, f"[b]{HOSTILE}[/b]", document={})
    out = capsys.readouterr().out
    assert out.count(SHOWN) == 3
    assert commands(out) == set()


def test_notes_of_a_step_command_nothing_and_its_colours_stay() -> None:
    stream = io.StringIO()
    console = screens._console(file=stream, force_terminal=True, width=200, color_system="standard")
    assert isinstance(console, Console)
    with StepProgress(console) as progress:
        progress.note(HOSTILE)
    text = stream.getvalue()
    assert SHOWN in text
    assert "\x1b[2m" in text  # the note's own style
    assert "\x1b[2J" not in text
    assert "\x07" not in text


def test_a_document_has_the_name_as_it_is_and_no_command(capsys) -> None:
    screen = Screen(as_json=True)
    screen.show(document={"name": HOSTILE})
    screen.close()
    out = capsys.readouterr().out
    assert commands(out) == set()
    assert json.loads(out) == {"name": HOSTILE}


@pytest.mark.parametrize("arguments", [("list",), ("show", "6f9619")])
def test_results_of_such_a_phone_command_nothing(command, tmp_path, arguments) -> None:
    report = json.loads(GOLDEN.read_text(encoding="utf-8"))
    report["device"]["name"] = HOSTILE
    report["validity"]["reasons"].append(HOSTILE)
    file, store = tmp_path / "report.json", tmp_path / "results.db"
    file.write_text(json.dumps(report), encoding="utf-8")
    assert command("results", "import", file, "--store", store).code == 0
    outcome = command("results", *arguments, "--store", store)
    assert outcome.code == 0
    assert commands(outcome.out) == set()
    assert "\ufffd[2J" in outcome.out
