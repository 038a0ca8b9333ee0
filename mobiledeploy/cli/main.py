"""From the arguments to the exit code: every ending of a command passes here."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from mobiledeploy.cli.app import app
from mobiledeploy.cli.failure import Failure
from mobiledeploy.cli.screen import Screen

__all__ = ["main"]

_DEBUG_VARIABLE = "MOBILEDEPLOY_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments` (those of the process by default) and gives the exit code; never raises."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments or os.environ.get(_DEBUG_VARIABLE, "") not in ("", "0")
    screen = Screen(as_json="--json" in arguments, debug=debug)
    try:
        _invoke(arguments, screen)
        screen.close()
        return 0
    except typer.Exit as ending:
        return ending.exit_code
    except BrokenPipeError:  # the reader of the help has seen enough of it
        return 0
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1
    except BaseException as error:  # whatever it is, the user gets one message
        if debug:
            traceback.print_exc()
        failure = Failure.of(error)
        screen.fail(failure)
        return failure.exit_code


def _invoke(arguments: list[str], screen: Screen) -> None:
    """What typer's own `main` does, without its printing of errors and its `sys.exit`."""
    command = typer.main.get_command(app)
    with command.make_context("mobiledeploy", arguments, obj=screen) as context:
        command.invoke(context)
