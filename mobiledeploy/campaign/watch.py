"""A campaign on its way, in words: what changes is told once, what goes on is shown while it lasts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from mobiledeploy.campaign.enqueue import OPEN_STATES

if TYPE_CHECKING:
    from mobiledeploy.server.host import Host
    from mobiledeploy.server.queue import JobState

__all__ = ["Viewer", "describe", "watch"]

_POLL_SECONDS = 0.25


class Viewer(Protocol):
    """`progress.Progress`, and a line that is replaced by the next."""

    def note(self, text: str) -> None:
        """Something worth a line of the log."""

    def update(self, text: str) -> None:
        """How things stand now."""


def watch(host: Host, campaign: str, viewer: Viewer, *, each_time: Callable[[], None] = lambda: None) -> None:
    """Returns when no job of the campaign is open. `each_time`: called between two looks; what it raises ends it."""
    last: dict[str, tuple[str, str | None]] = {}
    while True:
        names = {device.id: device.identity.name or device.identity.hardware for device in host.pairing.devices()}
        host.queue.expire()
        states = host.queue.states(campaign)
        for state in states:
            if last.get(state.id, ("waiting", None)) != (state.state, state.device):
                viewer.note(_change(state, names))
            last[state.id] = (state.state, state.device)
        if not any(state.state in OPEN_STATES for state in states):
            return
        viewer.update(describe(states, names))
        each_time()
        time.sleep(_POLL_SECONDS)


def _change(state: JobState, names: Mapping[str, str]) -> str:
    who = names.get(state.device or "", "a device")
    words = {
        "running": f"{who} measures {state.name}" + (f" (attempt {state.attempt})" if state.attempt > 1 else ""),
        "reported": f"{who} has reported {state.name}",
        "waiting": f"{state.name} waits for a device again",
        "cancelled": f"{state.name} was cancelled",
        "given up": f"{state.name} was given up: {state.reason or 'no reason was given'}",
    }
    return words[state.state]


def describe(states: tuple[JobState, ...], names: Mapping[str, str]) -> str:
    """The counts, then one line per running job."""
    counts = Counter(state.state for state in states)
    lines = [", ".join(f"{counts[name]} {name}" for name in ("reported", "running", "waiting") if counts[name])]
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
