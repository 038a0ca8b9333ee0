"""The runners, in the order that `--help` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError
from mobiledeploy.parity.runners.coreml import CoreMLRunner
from mobiledeploy.parity.runners.mil import MilRunner
from mobiledeploy.parity.runners.onnxruntime import OnnxRuntimeRunner

if TYPE_CHECKING:
    from mobiledeploy.parity.runners.runner import Runner

__all__ = ["RUNNERS", "runner_named"]

RUNNERS: tuple[Runner, ...] = (MilRunner(), CoreMLRunner(), OnnxRuntimeRunner())


def runner_named(name: str) -> Runner:
    """Raises InputError for a name that no runner has."""
    for runner in RUNNERS:
        if runner.name == name:
            return runner
    known = ", ".join(runner.name for runner in RUNNERS)
    raise InputError(f"no runner is called {name!r}", where="--runner", remedy=f"Use one of {known}.")
