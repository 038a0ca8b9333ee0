"""An import that leaves out what the imported library would load only to see whether it is there.

coremltools loads scikit-learn, TensorFlow, transformers and others wherever they are installed, for converters that we
never call: scikit-learn alone is two thirds of its import time (1.0 s against 0.3 s).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["not_installed"]


@contextmanager
def not_installed(*packages: str) -> Iterator[None]:
    """Until the end, importing one of `packages` fails as if it were not installed, unless it is loaded already.

    What the importing library concludes from it lasts for the process: coremltools' converters for these frameworks
    stay off until it is loaded anew.
    """
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is the documented way to forbid an import
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
