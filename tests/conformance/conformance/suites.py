"""Which of the tests that come with coremltools are run."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SUITES", "Suite", "coremltools_folder"]


@dataclass(frozen=True)
class Suite:
    """`patterns`: of files below coremltools' folder. Each file is collected by itself: parameters that are iterators
    are used up by whichever class comes first, so which cases exist depends on what is collected together."""

    name: str
    title: str
    patterns: tuple[str, ...]

    def files(self) -> tuple[str, ...]:
        """The files, relative to coremltools' folder, sorted."""
        root = coremltools_folder()
        found = (path for pattern in self.patterns for path in root.glob(pattern))
        return tuple(sorted(path.relative_to(root).as_posix() for path in found))


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "operators",
            "operator tests (converters/mil/mil/ops/tests, iOS14 to iOS18)",
            ("converters/mil/mil/ops/tests/iOS1[4-8]/test_*.py",),
        ),
        Suite(
            "torch",
            "torch frontend tests (converters/mil/frontend/torch/test/test_torch_ops.py)",
            ("converters/mil/frontend/torch/test/test_torch_ops.py",),
        ),
    )
}


def coremltools_folder() -> Path:
    """Where coremltools is installed; found without importing it."""
    spec = importlib.util.find_spec("coremltools")
    if spec is None or spec.origin is None:
        raise SystemExit("coremltools is not installed: pip install 'mobiledeploy[dev]'")
    return Path(spec.origin).parent
