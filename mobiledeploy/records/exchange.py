"""What phone and host say to each other besides jobs and reports: pairing, leases, refusals. See docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mobiledeploy.records.benchmark import PhaseName
from mobiledeploy.records.device import AppIdentity, DeviceIdentity
from mobiledeploy.records.job import ComputeUnits, Job

__all__ = [
    "PROTOCOL",
    "Heartbeat",
    "HeartbeatAnswer",
    "Lease",
    "PairingAnswer",
    "PairingRequest",
    "Problem",
    "ProblemCode",
    "Progress",
    "Receipt",
    "Release",
]

PROTOCOL = 1
"""The newest version of the protocol that this side speaks."""

ProblemCode = Literal[
    "malformed",
    "schema",
    "token",
    "unpaired",
    "forbidden",
    "not-found",
    "lease-lost",
    "conflict",
    "digest",
    "slow",
    "too-large",
    "range",
    "protocol",
    "busy",
    "internal",
]


@dataclass(frozen=True)
class PairingRequest:
    """`token`: the one-time token of the QR code. `protocols`: every version the app speaks."""

    schema: ClassVar[str] = "mobiledeploy.pairing-request/1"

    token: str
    device: DeviceIdentity
    app: AppIdentity
    protocols: tuple[int, ...]


@dataclass(frozen=True)
class PairingAnswer:
    """`device_id`: the host's name for the device. `secret`: the bearer token of all later requests. `protocol`: the
    newest version that both speak. `heartbeat_seconds`: how often a lease must be renewed; one that was not renewed
    for `lease_seconds` is lost."""

    schema: ClassVar[str] = "mobiledeploy.pairing-answer/1"

    device_id: str
    secret: str
    protocol: int
    heartbeat_seconds: float
    lease_seconds: float


@dataclass(frozen=True)
class Lease:
    """A job given to one device until the lease is released, lost, or its report has come. `attempt`: from 1."""

    schema: ClassVar[str] = "mobiledeploy.lease/1"

    id: str
    job: Job
    attempt: int


@dataclass(frozen=True)
class Progress:
    """How far a run has come, for people to watch. `fraction`: of the phase, 0..1."""

    phase: PhaseName
    compute_units: ComputeUnits | None = None
    round: int | None = None
    fraction: float = 0.0


@dataclass(frozen=True)
class Heartbeat:
    schema: ClassVar[str] = "mobiledeploy.heartbeat/1"

    progress: Progress


@dataclass(frozen=True)
class HeartbeatAnswer:
    """`cancelled`: nobody waits for the job any more; stop, release the lease."""

    schema: ClassVar[str] = "mobiledeploy.heartbeat-answer/1"

    cancelled: bool = False


@dataclass(frozen=True)
class Release:
    """A lease given back without a report. `retry`: the job may be given to a device again."""

    schema: ClassVar[str] = "mobiledeploy.release/1"

    reason: str
    retry: bool = True


@dataclass(frozen=True)
class Receipt:
    """A report is stored. `first`: False where it had been stored before, and was not counted again."""

    schema: ClassVar[str] = "mobiledeploy.receipt/1"

    report: str
    first: bool


@dataclass(frozen=True)
class Problem:
    """Why a request was refused. `code`: for programs, see docs/protocol.md; `message`, `remedy`: for people."""

    schema: ClassVar[str] = "mobiledeploy.problem/1"

    status: int
    code: ProblemCode
    message: str
    remedy: str
