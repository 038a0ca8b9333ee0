"""What people call a job: its package, and the size of the pictures where the package takes several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from mobiledeploy.campaign.sizes import size_text
from mobiledeploy.campaign.subject import read_subject
from mobiledeploy.server.tables import jobs

if TYPE_CHECKING:
    from mobiledeploy.server.ledger import Ledger
    from mobiledeploy.server.queue import JobState

__all__ = ["Titles"]


class Titles:
    """Of the jobs in one store. What is known of a job never changes, so it is read once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, str] = {}

    def named(self, states: Sequence[JobState]) -> tuple[JobState, ...]:
        """The states with `name` as people call the job: "net.mlpackage at 160x160"."""
        self._read({state.id for state in states} - self._known.keys())
        return tuple(replace(state, name=state.name + self._known.get(state.id, "")) for state in states)

    def _read(self, new: set[str]) -> None:
        if not new:
            return
        with self._ledger.reading() as connection:
            rows = connection.execute(select(jobs.c.id, jobs.c.about).where(jobs.c.id.in_(sorted(new)))).all()
        for row in rows:
            subject = read_subject(row.about)
            self._known[row.id] = f" at {size_text(subject.size)}" if subject and subject.size else ""
