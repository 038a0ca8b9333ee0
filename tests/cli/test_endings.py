"""How a command ends: exit codes, one message, and nobody else's output on the screen."""

from __future__ import annotations

import json
import os
import sys

import pytest

from mobiledeploy import errors


def raising(error: BaseException):
    def before(progress) -> None:
        raise error

    return before


ENDINGS = [
    (errors.InputError("bad"), 2),
    (errors.UnknownModelError("bad"), 2),
    (errors.CheckpointError("bad"), 2),
    (errors.CaptureError("bad"), 3),
    (errors.TargetError("bad"), 3),
    (errors.ParityError("bad"), 4),
    (errors.HostError("bad"), 5),
    (errors.InternalError("bad"), 1),
    (ValueError("bad"), 1),
    (KeyboardInterrupt(), 130),
]


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=lambda value: type(value).__name__)
def test_every_error_gives_its_code_and_one_message(command, pipeline, error, code) -> None:
    pipeline.before = raising(error)
    outcome = command("export", "tiny")
    assert outcome.code == code
    assert outcome.err.count("error:") == 1
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def test_what_where_and_remedy_are_printed_as_they_are(command, pipeline) -> None:
    pipeline.before = raising(errors.InputError("[bold] is no name", where="a[0].py", remedy="Use [b]."))
    lines = command("export", "tiny").err.splitlines()[-3:]
    assert lines == ["error: [bold] is no name", "  where: a[0].py", "  remedy: Use [b]."]


def test_an_error_in_json_is_one_document(command, pipeline) -> None:
    pipeline.before = raising(errors.CaptureError("cannot", where="model.py:7", remedy="Do not."))
    outcome = command("export", "tiny", "--json")
    expected = {"kind": "CaptureError", "what": "cannot", "where": "model.py:7", "remedy": "Do not.", "exit_code": 3}
    assert json.loads(outcome.out) == {"error": expected}
    assert outcome.err.count("error:") == 1


@pytest.mark.parametrize(
    "arguments", [("exprot",), ("export",), ("export", "tiny", "--bogus"), ("run",), ("check",)], ids=" ".join
)
def test_wrong_usage_is_one_message_and_2(command, pipeline, arguments) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert outcome.err.count("error:") == 1
    assert "--help" in outcome.err
    assert outcome.out == ""
    document = json.loads(command(*arguments, "--json").out)
    assert (document["error"]["kind"], document["error"]["exit_code"]) == ("UsageError", 2)


def test_a_bug_says_so_and_debug_shows_the_traceback(command, pipeline, monkeypatch) -> None:
    pipeline.before = raising(ZeroDivisionError("by zero"))
    quiet = command("export", "tiny")
    assert "this is a bug of mobiledeploy: ZeroDivisionError: by zero" in quiet.err
    assert "Traceback" not in quiet.err
    assert "Traceback" in command("--debug", "export", "tiny").err
    monkeypatch.setenv("MOBILEDEPLOY_DEBUG", "1")
    assert "Traceback" in command("export", "tiny").err


def chatter(progress) -> None:
    print("noise of print")
    print("noise of print", file=sys.stderr)
    os.write(1, b"noise of a library in C\n")
    os.write(2, b"noise of a library in C\n")
    progress.step("our step")
    progress.note("our note")
    progress.warn("our warning")


def test_what_libraries_print_stays_away_from_the_screen(command, pipeline) -> None:
    pipeline.before = chatter
    outcome = command("export", "tiny", "--json")
    assert "noise" not in outcome.out + outcome.err
    assert json.loads(outcome.out)["folder"] == "exports/tiny"
    for text in ("our step", "our note", "our warning"):
        assert text in outcome.err


def test_debug_shows_the_libraries_on_standard_error_only(command, pipeline) -> None:
    pipeline.before = chatter
    outcome = command("--debug", "export", "tiny", "--json")
    assert outcome.err.count("noise of print") == 2
    assert outcome.err.count("noise of a library in C") == 2
    assert json.loads(outcome.out)["folder"] == "exports/tiny"


def test_the_streams_are_given_back(command, pipeline, capfd) -> None:
    before = (sys.stdout, sys.stderr)
    command("export", "tiny")
    assert (sys.stdout, sys.stderr) == before
    os.write(1, b"back")
    assert capfd.readouterr().out == "back"
