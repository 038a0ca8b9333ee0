"""Prepared packages as jobs of one campaign; the same command again goes on with the campaign it began."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.records import Job, codec
from mobiledeploy.server.queue import NewJob

if TYPE_CHECKING:
    from mobiledeploy.campaign.content import Prepared
    from mobiledeploy.records import MeasurementPlan
    from mobiledeploy.server.queue import JobQueue

__all__ = ["OPEN_STATES", "Campaign", "enqueue"]

OPEN_STATES = ("waiting", "running")


@dataclass(frozen=True)
class Campaign:
    """`resumed`: how many of its jobs had been done before, None for a new one."""

    id: str
    resumed: int | None = None


def enqueue(
    queue: JobQueue, prepared: Sequence[Prepared], plan: MeasurementPlan, *, phones: int = 1, device: str | None = None
) -> Campaign:
    """A job per package, size and phone. An interrupted campaign of the same packages, sizes, plan, number of phones
    and `device` (see `NewJob.device`) is taken up again in the place of a new one, where its files are."""
    name = _name(prepared, plan, phones, device, queue.files)
    for number in itertools.count(1):
        campaign = f"{name}-{number}"
        states = queue.states(campaign)
        if not states:
            queue.add(_jobs(campaign, prepared, plan, phones, device))
            return Campaign(campaign)
        if any(state.state in OPEN_STATES for state in states):
            return Campaign(campaign, sum(state.state not in OPEN_STATES for state in states))
    raise AssertionError("the numbers never end")


def _name(
    prepared: Sequence[Prepared], plan: MeasurementPlan, phones: int, device: str | None, files: str | None
) -> str:
    parts = [f"{each.package.identity} {each.function} {each.subject.size}" for each in prepared]
    text = "\n".join([*parts, codec.dumps(plan), str(phones), str(device), str(files)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _jobs(
    campaign: str, prepared: Sequence[Prepared], plan: MeasurementPlan, phones: int, device: str | None
) -> list[NewJob]:
    return [
        NewJob(
            Job(f"{campaign}-{secrets.token_hex(6)}", each.package, each.samples, plan, each.function),
            campaign,
            f"{index}-{each.package.identity}",
            codec.dumps(each.subject),
            device,
        )
        for _ in range(phones)
        for index, each in enumerate(prepared)
    ]
