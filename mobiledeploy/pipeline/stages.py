"""Which stage runs, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobiledeploy.progress import Progress

__all__ = ["Stages"]


@dataclass
class Stages:
    """Tells the progress which stage runs, and keeps how long each took. `current`: the innermost stage that has not
    come to its end, also after it raised. `entered` hears of each stage's beginning."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    current: str | None = None
    entered: Callable[[str], object] | None = None

    @contextmanager
    def __call__(self, name: str, label: str) -> Iterator[None]:
        self.progress.step(label)
        start, self.current = time.monotonic(), name
        if self.entered is not None:
            self.entered(name)
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start
        self.current = None
