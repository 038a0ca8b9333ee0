"""A queue of two jobs, whose clock the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_jobs import small_job
from wire_client import APP, DEVICE

from mobiledeploy.records import PairingRequest
from mobiledeploy.server.pairing import Device, Pairing, Terms
from mobiledeploy.server.queue import JobQueue, NewJob
from mobiledeploy.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mobiledeploy.server.host import Place

TERMS = Terms(heartbeat_seconds=5.0, lease_seconds=30.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def clocked_queue(place: Place, clock: Clock) -> JobQueue:
    queue = JobQueue(place.ledger, TERMS, clock)
    queue.add([NewJob(small_job(f"job-{i}", place.blobs), "c", f"s{i}") for i in range(2)])
    return queue


def paired_device(place: Place) -> Device:
    """A simulated phone."""
    pairing = Pairing(place.ledger, TERMS)
    answer = pairing.pair(PairingRequest(pairing.token(), DEVICE, APP, (1,)))
    return Device(answer.device_id, DEVICE)


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    """The code with which the call is refused."""
    with pytest.raises(Refusal) as refused:
        call(*arguments)
    return refused.value.problem.code
