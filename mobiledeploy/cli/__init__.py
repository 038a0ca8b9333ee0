"""The command line: one file per command, heavy imports inside the commands."""

from mobiledeploy.cli.main import main

__all__ = ["main"]
