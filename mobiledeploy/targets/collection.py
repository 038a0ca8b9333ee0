"""Garbage collection out of the way of a conversion.

A converter builds hundreds of thousands of small objects that live to the end, and coremltools collects by hand on
top: with torch loaded that is a quarter of `ct.convert`'s time, for nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collection_paused"]


@contextmanager
def collection_paused() -> Iterator[None]:
    """Until the end no collection runs by itself, and one asked for by hand passes over everything older."""
    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()
        if enabled:
            gc.enable()
