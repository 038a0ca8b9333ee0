"""Every target, in the order they are listed and built.

A new target is a file here, its test, and its line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobiledeploy.targets.coreml import CoreMLTarget

if TYPE_CHECKING:
    from mobiledeploy.targets.target import Target

__all__ = ["TARGETS"]

TARGETS: tuple[Target, ...] = (
    CoreMLTarget(),  # first: it is the default
)
