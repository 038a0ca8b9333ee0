"""What the paths of the host work on, and what a request may do with it."""

from __future__ import annotations

import collections
import functools
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from mobiledeploy.errors import MobileDeployError
from mobiledeploy.records import Job, codec
from mobiledeploy.server.reception import Reception
from mobiledeploy.server.refusal import Refusal
from mobiledeploy.server.tables import jobs, leases, reports

if TYPE_CHECKING:
    from starlette.requests import Request

    from mobiledeploy.server.blobs import Blobs
    from mobiledeploy.server.ledger import Ledger
    from mobiledeploy.server.pairing import Device, Pairing
    from mobiledeploy.server.queue import JobQueue

__all__ = ["Desk"]

_WRONG_TOKENS = 30
_MINUTE = 60.0
_MOST_UNTOLD = 20
_OUTPUTS_OF_A_JOB = 1 << 30


class Desk:
    """What the paths work on. `stopping`: set when the host is to end; the waiting are then told to come again."""

    def __init__(self, ledger: Ledger, blobs: Blobs, pairing: Pairing, queue: JobQueue) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.pairing = pairing
        self.queue = queue
        self.reception = Reception(ledger, blobs)
        self.stopping = threading.Event()
        self._failures: dict[str, float] = {}
        self._untold: collections.deque[str] = collections.deque(maxlen=_MOST_UNTOLD)
        self._wrong: dict[str, collections.deque[float]] = {}
        self._sent: dict[str, tuple[str, int]] = {}  # by device: its latest job, and bytes

    def note_failure(self, error: Exception) -> None:
        """For the people at the screen: the phone was told that the host failed, and asks again. The same failure
        counts once a minute."""
        words = f"{type(error).__name__}; --debug shows where"
        if isinstance(error, MobileDeployError):
            words = ". ".join(filter(None, [error.what, error.remedy]))
        now = time.monotonic()
        self._failures = {told: at for told, at in self._failures.items() if now - at < _MINUTE}
        if words not in self._failures:
            self._failures[words] = now
            self._untold.append(f"the host failed: {words}")

    def failures(self) -> tuple[str, ...]:
        """Those that were noted and not given before."""
        return tuple(self._untold.popleft() for _ in range(len(self._untold)))

    async def device(self, request: Request) -> Device:
        """Who asks. Raises Refusal."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer" and 0 < len(secret) <= 256:
            found = await run_in_threadpool(self.pairing.device, secret.strip())
        if found is None:
            raise Refusal(401, "unpaired", "no device has this secret", "Pair the phone again with the host's code.")
        return found

    def allow_pairing(self, address: str) -> None:
        """Raises Refusal where too many wrong tokens came from there: forty bits are not to be guessed."""
        wrong, now = self._wrong.get(address, collections.deque()), time.monotonic()
        while wrong and now - wrong[0] > _MINUTE:
            wrong.popleft()
        if len(wrong) >= _WRONG_TOKENS:
            raise Refusal(429, "busy", "too many wrong pairing tokens", "Wait a minute.", retry_after=60)

    def note_wrong_token(self, address: str) -> None:
        if len(self._wrong) > 1000:
            self._wrong.clear()
        self._wrong.setdefault(address, collections.deque(maxlen=_WRONG_TOKENS)).append(time.monotonic())

    def offers(self, device: Device, digest: str) -> bool:
        """Whether a job that the device was given needs the blob."""
        with self.ledger.reading() as connection:
            rows = connection.execute(
                select(jobs.c.id, jobs.c.document)
                .join(leases, leases.c.job == jobs.c.id)
                .where(leases.c.device == device.id)
                .order_by(jobs.c.position.desc())
            )
            return any(digest in _needed(row.id, row.document) for row in rows)

    def expects(self, device: Device, size: int) -> None:
        """Raises Refusal unless the device has a job that awaits its report, and room for `size` bytes of outputs.

        What is sent counts for the job that the device was given last: earlier ones may wait for their report for ever.
        """
        with self.ledger.reading() as connection:
            job = connection.execute(
                select(leases.c.job)
                .outerjoin(reports, reports.c.job == leases.c.job)
                .where(leases.c.device == device.id, reports.c.job.is_(None))
                .order_by(leases.c.given.desc(), leases.c.attempt.desc())
                .limit(1)
            ).scalar()
        if job is None:
            raise Refusal(403, "forbidden", "no job of this device awaits a report", "Ask for the next job.")
        counted, before = self._sent.get(device.id, (job, 0))
        sent = size + (before if counted == job else 0)
        if sent > _OUTPUTS_OF_A_JOB:
            raise Refusal(413, "too-large", "the outputs of one job have 1 GiB at most", "Send fewer samples.")
        self._sent[device.id] = job, sent


@functools.lru_cache(maxsize=256)
def _needed(_job: str, document: str) -> frozenset[str]:
    job = codec.loads(Job, document, where="the store")
    inputs = (tensor.sha256 for sample in job.samples for tensor in sample.inputs)
    return frozenset([*(file.sha256 for file in job.package.files), *inputs])
