"""Somebody before the screen."""

from __future__ import annotations


class Viewer:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.updates: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def update(self, text: str) -> None:
        self.updates.append(text)
