"""Which device measures what: jobs are given out as leases, and a lease that is not renewed is lost.

Everything that must survive a kill is in the ledger. What lives here only is when each lease was renewed last: a host
that starts anew gives every open lease its full time again. Several hosts may work on one store: each writes down now
and then that a lease was renewed, and looks for what the others have written.
"""

from __future__ import annotations

import functools
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, insert, or_, select, true

from mobiledeploy.records import Job, Lease, Progress, Release, codec
from mobiledeploy.server.ledger import Ledger, utc
from mobiledeploy.server.refusal import Refusal
from mobiledeploy.server.tables import cancellations, endings, jobs, leases, renewals, reports

if TYPE_CHECKING:
    from mobiledeploy.server.pairing import Device, Terms

__all__ = ["ATTEMPTS", "REAL_ONLY", "SIMULATED_ONLY", "JobQueue", "JobState", "NewJob", "end_leases", "was_given"]

ATTEMPTS = 3
"""So many times a job is given out at most: one that kills every phone must end."""

REAL_ONLY, SIMULATED_ONLY = "*real", "*simulated"

_WRITES_PER_LEASE, _LOOKS_PER_LEASE = 4, 8
"""In the time of a lease a host writes down so many renewals of it at most, and looks so often for those of others: a
heartbeat that is missing now and then does no harm."""

StateName = Literal["waiting", "running", "reported", "cancelled", "given up"]


@dataclass(frozen=True)
class NewJob:
    """`campaign`: the jobs of one command. `subject`: two jobs of one campaign and subject go to different devices.
    `about`: JSON text that the host keeps beside the job. `device`: the only one that may take it, by id; or a kind of
    devices, `REAL_ONLY` or `SIMULATED_ONLY`; any, where it is None."""

    job: Job
    campaign: str
    subject: str
    about: str = "{}"
    device: str | None = None


@dataclass(frozen=True)
class JobState:
    """A job as it stands now. `device`, `attempt`: of its latest lease. `progress`: of a running one, as last heard by
    this host. `wanted`: which devices may take it, see `NewJob.device`."""

    id: str
    name: str
    state: StateName
    device: str | None = None
    attempt: int = 0
    progress: Progress | None = None
    reason: str | None = None
    campaign: str = ""
    wanted: str | None = None


_ENDED = exists().where(endings.c.lease == leases.c.id)
_REPORTED = exists().where(reports.c.job == jobs.c.id)
_CANCELLED = exists().where(cancellations.c.job == jobs.c.id)
_LEASED = exists().where(and_(leases.c.job == jobs.c.id, ~_ENDED))
_GIVEN_BACK = exists().where(
    and_(leases.c.job == jobs.c.id, endings.c.lease == leases.c.id, endings.c.retry.is_(False))
)
_MARKS = select(leases.c.id, func.max(renewals.c.id)).outerjoin(renewals).where(~_ENDED).group_by(leases.c.id)
_TIMES_GIVEN = select(func.count()).select_from(leases).where(leases.c.job == jobs.c.id).scalar_subquery()


class JobQueue:
    """The jobs of one store. `clock`: seconds, monotonic. `files`: the identity of the folder that has the files of
    its jobs; those whose files are elsewhere are for other hosts to give out. None: it gives out all, and its own are
    anybody's. Safe to use from several threads."""

    def __init__(
        self,
        ledger: Ledger,
        terms: Terms,
        clock: Callable[[], float] = time.monotonic,
        attempts: int = ATTEMPTS,
        *,
        files: str | None = None,
    ) -> None:
        self.files = files
        self._ledger = ledger
        self._terms = terms
        self._clock = clock
        self._attempts = attempts
        self._lock = threading.Lock()
        self._renewed: dict[str, float] = {}
        self._progress: dict[str, Progress] = {}
        self._marks: dict[str, int] = {}  # by lease: the last renewal in the store that is known here
        self._written: dict[str, float] = {}
        self._look_at = clock()

    def add(self, new: Sequence[NewJob]) -> None:
        """Appends jobs, all or none."""
        rows = [
            {
                "id": each.job.id,
                "campaign": each.campaign,
                "subject": each.subject,
                "device": each.device,
                "document": codec.dumps(each.job),
                "about": each.about,
                "added": utc(),
                "files": self.files,
            }
            for each in new
        ]
        with self._ledger.writing() as connection:
            connection.execute(insert(jobs), rows)

    def take(self, device: Device) -> Lease | None:
        """The lease that the device holds, or one on the first job in the queue that it may take, or None."""
        self.expire()
        with self._ledger.reading() as connection:  # most of those that ask get nothing, and need no turn to write
            if not any(connection.execute(query).first() for query in (self._held_by(device), self._first_for(device))):
                return None
        with self._lock, self._ledger.writing() as connection:
            held = connection.execute(self._held_by(device)).first()
            if held is not None:
                self._renewed[held.id] = self._clock()
                self._write_renewal(connection, held.id)
                return Lease(held.id, _job(held.document), held.attempt)
            found = connection.execute(self._first_for(device)).first()
            if found is None:
                return None
            given = connection.execute(select(func.count()).where(leases.c.job == found.id)).scalar_one()
            lease = Lease(secrets.token_hex(16), _job(found.document), given + 1)
            row = {"id": lease.id, "job": found.id, "device": device.id, "attempt": lease.attempt, "given": utc()}
            connection.execute(insert(leases).values(row))
            self._renewed[lease.id] = self._clock()
        return lease

    def _held_by(self, device: Device) -> Select[Any]:
        """The open lease of the device, with its job."""
        columns = select(leases.c.id, leases.c.attempt, jobs.c.document)
        held = columns.join(jobs, jobs.c.id == leases.c.job).where(leases.c.device == device.id, ~_ENDED)
        return held.where(self._has_files())

    def _has_files(self) -> ColumnElement[bool]:
        return true() if self.files is None else or_(jobs.c.files.is_(None), jobs.c.files == self.files)

    def _first_for(self, device: Device) -> Select[Any]:
        """The first job in the queue that the device may take."""
        kind = SIMULATED_ONLY if device.identity.kind == "simulated" else REAL_ONLY
        other = jobs.alias()
        sibling = exists().where(
            other.c.campaign == jobs.c.campaign,
            other.c.subject == jobs.c.subject,
            other.c.id != jobs.c.id,
            leases.c.job == other.c.id,
            leases.c.device == device.id,
        )
        return (
            select(jobs.c.id, jobs.c.document)
            .where(~_REPORTED, ~_CANCELLED, ~_LEASED, ~_GIVEN_BACK, self._attempts > _TIMES_GIVEN)
            .where(or_(jobs.c.device.is_(None), jobs.c.device.in_((device.id, kind))))
            .where(~sibling, self._has_files())
            .order_by(jobs.c.position)
            .limit(1)
        )

    def renew(self, device: Device, lease: str, progress: Progress) -> bool:
        """Keeps the lease for another while; whether its job was cancelled. Raises Refusal."""
        self.expire()
        with self._lock, self._ledger.reading() as connection:
            job = _open_lease(connection, device, lease)
            self._renewed[lease], self._progress[lease] = self._clock(), progress
            found = connection.execute(select(cancellations.c.job).where(cancellations.c.job == job)).first()
        if self._is_due(lease):
            with self._lock, self._ledger.writing() as connection:
                self._write_renewal(connection, lease)
        return found is not None

    def _is_due(self, lease: str) -> bool:
        written = self._written.get(lease)
        return written is None or self._clock() - written >= self._terms.lease_seconds / _WRITES_PER_LEASE

    def _write_renewal(self, connection: Connection, lease: str) -> None:
        """For the other hosts."""
        if self._is_due(lease):
            added = connection.execute(insert(renewals).values(lease=lease)).inserted_primary_key
            self._written[lease], self._marks[lease] = self._clock(), added[0] if added else 0

    def _look(self, connection: Connection, now: float) -> None:
        """For what other hosts have given out and heard of."""
        for lease, mark in connection.execute(_MARKS).all():
            if self._marks.get(lease, 0) != (mark or 0):
                self._renewed[lease] = now
            self._renewed.setdefault(lease, now)
            self._marks[lease] = mark or 0
        self._look_at = now + self._terms.lease_seconds / _LOOKS_PER_LEASE

    def release(self, device: Device, lease: str, release: Release) -> None:
        """Ends the lease without a report; the same again changes nothing. Raises Refusal."""
        with self._lock, self._ledger.writing() as connection:
            ended = connection.execute(
                select(endings.c.kind).join(leases).where(leases.c.id == lease, leases.c.device == device.id)
            ).scalar()
            if ended == "released":
                return
            _open_lease(connection, device, lease)
            _end(connection, lease, "released", release.reason, retry=release.retry)
            self._forget(lease)

    def expire(self) -> int:
        """Ends every lease that was not renewed in time; how many."""
        now, late = self._clock(), []
        with self._lock:
            if now >= self._look_at:
                with self._ledger.reading() as connection:
                    self._look(connection, now)
            if all(now - at <= self._terms.lease_seconds for at in self._renewed.values()):
                return 0
            with self._ledger.writing() as connection:
                self._look(connection, now)
                for lease in connection.execute(select(leases.c.id).where(~_ENDED)).scalars().all():
                    if now - self._renewed[lease] > self._terms.lease_seconds:
                        _end(connection, lease, "lost", f"not renewed for {self._terms.lease_seconds:g} s", retry=True)
                        late.append(lease)
                open_now = set(connection.execute(select(leases.c.id).where(~_ENDED)).scalars())
            for lease in {*self._renewed, *self._marks} - open_now:
                self._forget(lease)
        return len(late)

    def _forget(self, lease: str) -> None:
        self._renewed.pop(lease, None)
        self._progress.pop(lease, None)
        self._marks.pop(lease, None)
        self._written.pop(lease, None)

    def cancel(self, name: str, reason: str) -> int:
        """Cancels the job of that id, or what of the campaign of that name is not reported yet; how many jobs. A phone
        that is at work on one is told with its next heartbeat."""
        with self._ledger.writing() as connection:
            named = or_(jobs.c.campaign == name, jobs.c.id == name)
            open_jobs = select(jobs.c.id).where(named, ~_REPORTED, ~_CANCELLED)
            found = connection.execute(open_jobs).scalars().all()
            rows = [{"job": job, "reason": reason, "at": utc()} for job in found]
            if rows:
                connection.execute(insert(cancellations), rows)
        return len(found)

    def job(self, id_: str) -> Job:
        """The job of that id, which is there."""
        with self._ledger.reading() as connection:
            return _job(connection.execute(select(jobs.c.document).where(jobs.c.id == id_)).scalar_one())

    def states(self, campaign: str) -> tuple[JobState, ...]:
        """Every job of the campaign, in order, as the store has it: leases end by `expire` only."""
        return self._states(jobs.c.campaign == campaign)

    def unfinished(self, also: Collection[str] = ()) -> tuple[JobState, ...]:
        """Every job of the store that is neither reported nor cancelled, and those with the ids `also`, in order."""
        return self._states(or_(and_(~_REPORTED, ~_CANCELLED), jobs.c.id.in_(also)))

    def _states(self, which: ColumnElement[bool]) -> tuple[JobState, ...]:
        """One question to the store, whatever the number of jobs: a screen asks it several times a second."""
        latest, ending = leases.alias(), endings.alias()
        attempts = select(func.max(leases.c.attempt)).where(leases.c.job == jobs.c.id).scalar_subquery()
        columns = (latest.c.id.label("lease"), latest.c.device, latest.c.attempt, ending.c.kind, ending.c.reason)
        ends = (_REPORTED.label("reported"), _CANCELLED.label("cancelled"), _GIVEN_BACK.label("given_back"))
        query = (
            select(jobs.c.id, jobs.c.document, jobs.c.campaign, jobs.c.device.label("wanted"), *ends, *columns)
            .select_from(jobs)
            .outerjoin(latest, and_(latest.c.job == jobs.c.id, latest.c.attempt == attempts))
            .outerjoin(ending, ending.c.lease == latest.c.id)
            .where(which)
            .order_by(jobs.c.position)
        )
        with self._ledger.reading() as connection:
            return tuple(map(self._state, connection.execute(query)))

    def _state(self, row: Any) -> JobState:
        attempt = row.attempt or 0
        state: StateName = "waiting"
        if row.reported:
            state = "reported"
        elif row.cancelled:
            state = "cancelled"
        elif row.lease is not None and row.kind is None:
            state = "running"
        elif row.given_back or attempt >= self._attempts:
            state = "given up"
        return JobState(
            row.id,
            _package_name(row.id, row.document),
            state,
            row.device,
            attempt,
            self._progress.get(row.lease),
            row.reason if state in ("given up", "waiting") else None,
            row.campaign,
            row.wanted,
        )


@functools.lru_cache(maxsize=4096)
def _package_name(_job_id: str, document: str) -> str:
    return _job(document).package.name


def _job(document: str) -> Job:
    return codec.loads(Job, document, where="the store", remedy="The store was written by another version.")


def _open_lease(connection: Connection, device: Device, lease: str) -> str:
    """The job of a lease that this device holds. Raises Refusal."""
    row = connection.execute(
        select(leases.c.device, leases.c.job, endings.c.kind).outerjoin(endings).where(leases.c.id == lease)
    ).first()
    if row is None:
        raise Refusal(404, "not-found", "there is no such lease", "Ask for the next job.")
    if row.device != device.id:
        raise Refusal(403, "forbidden", "this lease is another device's", "Ask for the next job.")
    if row.kind is not None:
        raise Refusal(410, "lease-lost", f"the lease is over: {row.kind}", "Ask for the next job.")
    return str(row.job)


def _end(connection: Connection, lease: str, kind: str, reason: str, *, retry: bool) -> None:
    row = {"lease": lease, "kind": kind, "reason": reason, "retry": retry, "at": utc()}
    connection.execute(insert(endings).values(row))


def end_leases(connection: Connection, job: str) -> None:
    """Ends whatever leases the job has left: it is reported."""
    for lease in connection.execute(select(leases.c.id).where(leases.c.job == job, ~_ENDED)).scalars().all():
        _end(connection, lease, "reported", "", retry=True)


def was_given(connection: Connection, job: str, device: str) -> bool:
    """Whether the device ever had a lease on the job."""
    found = connection.execute(select(leases.c.id).where(leases.c.job == job, leases.c.device == device).limit(1))
    return found.first() is not None
