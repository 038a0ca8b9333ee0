"""Every target, in the order they are listed and built.

A new target is a file here, its test, and its line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError
from mobiledeploy.targets.coreml import CoreMLTarget
from mobiledeploy.targets.onnx import ONNXTarget

if TYPE_CHECKING:
    from mobiledeploy.targets.target import Target

__all__ = ["TARGETS", "target_named"]

TARGETS: tuple[Target, ...] = (
    CoreMLTarget(),  # first: it is the default
    ONNXTarget(),
)


def target_named(name: str) -> Target:
    """Raises InputError for a name that no target has."""
    for target in TARGETS:
        if target.name == name:
            return target
    known = ", ".join(target.name for target in TARGETS)
    raise InputError(f"there is no target `{name}`", where="--target", remedy=f"Targets: {known}.")
