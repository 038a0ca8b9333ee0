"""A campaign on its way, in words: what changes is told once, what goes on is shown while it lasts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from mobiledeploy.campaign.enqueue import OPEN_STATES
from mobiledeploy.campaign.titles import Titles

if TYPE_CHECKING:
    from mobiledeploy.server.host import Host
    from mobiledeploy.server.queue import JobState

__all__ = ["Teller", "Viewer", "describe", "watch", "watch_all"]

_POLL_SECONDS = 0.25


class Viewer(Protocol):
    """`progress.Progress`, and a line that is replaced by the next."""

    def note(self, text: str) -> None:
        """Something worth a line of the log."""

    def update(self, text: str) -> None:
        """How things stand now."""


class Teller:
    """Tells `viewer` of `host` what changes: each thing once. `known`: what need not be told."""

    def __init__(self, host: Host, viewer: Viewer, known: Iterable[JobState] = ()) -> None:
        self._host = host
        self._viewer = viewer
        self._titles = Titles(host.place.ledger)
        self._last = {state.id: (state.state, state.device) for state in known}

    @property
    def open(self) -> tuple[str, ...]:
        """The jobs that were open when they were told of last, by id."""
        return tuple(job for job, (state, _) in self._last.items() if state in OPEN_STATES)

    def tell(self, states: tuple[JobState, ...]) -> None:
        """The host's failures, and what has become of each job."""
        names = self._names()
        for failure in self._host.desk.failures():
            self._viewer.note(failure)
        for state in self._titles.named(states):
            if self._last.get(state.id, ("waiting", None)) != (state.state, state.device):
                self._viewer.note(_change(state, names))
            self._last[state.id] = (state.state, state.device)

    def update(self, states: tuple[JobState, ...]) -> None:
        """How things stand, in the place of how they stood before."""
        self._viewer.update(describe(self._titles.named(states), self._names()))

    def _names(self) -> dict[str, str]:
        found = ((device.id, device.identity) for device in self._host.pairing.devices())
        return {name: identity.name or identity.hardware for name, identity in found}


def watch(host: Host, campaign: str, viewer: Viewer, *, each_time: Callable[[], None] = lambda: None) -> None:
    """Returns when no job of the campaign is open. `each_time`: called between two looks; what it raises ends it."""
    teller = Teller(host, viewer)
    while True:
        host.queue.expire()
        states = host.queue.states(campaign)
        teller.tell(states)
        if not any(state.state in OPEN_STATES for state in states):
            return
        teller.update(states)
        each_time()
        time.sleep(_POLL_SECONDS)


def watch_all(host: Host, viewer: Viewer, *, each_time: Callable[[], bool]) -> None:
    """Every job of the store, of whatever campaign, until `each_time` gives False."""
    teller = Teller(host, viewer, [state for state in host.queue.unfinished() if state.state not in OPEN_STATES])
    while each_time():
        host.queue.expire()
        states = host.queue.unfinished(teller.open)
        teller.tell(states)
        teller.update(states)
        time.sleep(_POLL_SECONDS)


def _change(state: JobState, names: Mapping[str, str]) -> str:
    who = names.get(state.device or "", "a device")
    words = {
        "running": f"{who} measures {state.name}" + (f" (attempt {state.attempt})" if state.attempt > 1 else ""),
        "reported": f"{who} has reported {state.name}",
        "waiting": f"{state.name} waits for a device again: {_why(state, who)}",
        "cancelled": f"{state.name} was cancelled",
        "given up": f"{state.name} was given up: {state.reason or 'no reason was given'}",
    }
    return words[state.state]


def _why(state: JobState, who: str) -> str:
    """Of a lease that is over without a report. `who`: had it."""
    reason = state.reason or "no reason was given"
    return f"nothing was heard of {who} ({reason})" if reason.startswith("not renewed") else reason


def describe(states: tuple[JobState, ...], names: Mapping[str, str]) -> str:
    """The counts, then one line per running job."""
    counts = Counter(state.state for state in states)
    told = ", ".join(f"{counts[name]} {name}" for name in ("reported", "running", "waiting") if counts[name])
    lines = [told or "no job waits: `mobiledeploy bench --queue` adds some"]
    for state in states:
        if state.state == "running":
            lines.append(f"  {names.get(state.device or '', 'a device')}: {state.name}{_progress(state)}")
    return "\n".join(lines)


def _progress(state: JobState) -> str:
    found = state.progress
    if found is None:
        return ""
    unit = f" {found.compute_units}" if found.compute_units else ""
    number = f", round {found.round}" if found.round is not None else ""
    return f", {found.phase}{unit}{number} ({found.fraction:.0%})"
