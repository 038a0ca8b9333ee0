"""The names of a program's inputs and outputs, which every target keeps as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.errors import TargetError

if TYPE_CHECKING:
    from mobiledeploy.aten.program import Program

__all__ = ["check_distinct", "check_kept"]


def check_distinct(program: Program) -> None:
    """Raises TargetError if two inputs or outputs share a name: no format can tell them apart."""
    names = Counter([*(spec.name for spec in program.inputs), *program.outputs])
    for name, count in names.items():
        if count > 1:
            raise TargetError(
                f"{count} inputs and outputs are called `{name}`",
                where=f"inputs {', '.join(spec.name for spec in program.inputs)}; outputs {', '.join(program.outputs)}",
                remedy="Rename an argument of forward() or a key of what it returns.",
            )


def check_kept(wanted: Sequence[str], given: Sequence[str], converter: str) -> None:
    """Raises TargetError for the first of `wanted` that `converter` did not keep."""
    for name in wanted:
        if name not in given:
            raise TargetError(
                f"{converter} does not take the name `{name}`; it has {', '.join(given)}",
                remedy="Rename the argument of forward() or the key of what it returns: letters, digits and _ only, "
                "and no word of the format itself, as `list` or `tensor` are for Core ML.",
            )
