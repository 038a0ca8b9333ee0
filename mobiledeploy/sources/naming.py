"""Names of artifacts."""

from __future__ import annotations

import re

__all__ = ["file_safe"]


def file_safe(text: str) -> str:
    """`text` with all but ASCII letters, digits, hyphens and underscores replaced by an underscore; never empty."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "model"
