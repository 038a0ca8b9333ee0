"""Why the cases that are not as they should be are so: one entry per cause, each found by looking at a case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.case import Case

__all__ = ["CAUSES", "Cause", "explain"]


@dataclass(frozen=True)
class Cause:
    """`title`: in a word. `text`: what happens, and why it is not the executor's. `categories`: of the cases it may
    explain. `name`, `message`: patterns that both must be found. `exact`: what the case gives without fp16 rounding."""

    title: str
    text: str
    categories: tuple[str, ...]
    name: str = ""
    message: str = ""
    exact: str | None = None

    def explains(self, case: Case) -> bool:
        return (
            case.category in self.categories
            and (self.exact is None or case.exact == self.exact)
            and re.search(self.name, case.name) is not None
            and re.search(self.message, case.message) is not None
        )


CAUSES: tuple[Cause, ...] = ()


def explain(case: Case) -> Cause | None:
    """The first cause that explains a case."""
    return next((cause for cause in CAUSES if cause.explains(case)), None)
