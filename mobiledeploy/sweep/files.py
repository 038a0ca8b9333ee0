"""The files that an attempt and its process exchange, in a temporary folder of their own."""

from __future__ import annotations

__all__ = ["ANSWER", "PRINTED", "STAGE"]

ANSWER = "record.json"
"""The record; whole or absent."""
STAGE = "stage.txt"
"""The name of the stage that the process is in."""
PRINTED = "printed.txt"
"""What the process and its libraries printed, and what Python's fault handler wrote."""
