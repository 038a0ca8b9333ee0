"""What a device measured: every raw sample, and everything that was watched while it was taken.

Times are integers in nanoseconds on the device's monotonic clock, from the start of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mobiledeploy.records.device import AppIdentity, DeviceIdentity
from mobiledeploy.records.job import ComputeUnits, MeasurementPlan, TensorContent, ThermalState

__all__ = [
    "BenchmarkReport",
    "ConditionSample",
    "Failure",
    "OperatorPlacement",
    "PhaseName",
    "Round",
    "SampleOutputs",
    "UnitRun",
    "Validity",
]

PhaseName = Literal[
    "fetch", "compile", "coldLoad", "cachedLoad", "firstPrediction", "warmUp", "rounds", "outputs", "plan"
]


@dataclass(frozen=True)
class Round:
    """`starts_ns[i]`, `durations_ns[i]`: of the i-th timed prediction, in order. `warm_up_ns`: durations of the
    predictions before them. `load_ns`: of the load before this round, None where the plan does not reload."""

    starts_ns: tuple[int, ...]
    durations_ns: tuple[int, ...]
    warm_up_ns: tuple[int, ...] = ()
    load_ns: int | None = None


@dataclass(frozen=True)
class OperatorPlacement:
    """Where Core ML's compute plan expects one operator to run: anticipated, not observed, and `cost` is a weight in
    0..1, not time (MLComputePlan). `operator`: its type. `output`: the name of its first output."""

    operator: str
    output: str
    preferred: str | None = None
    supported: tuple[str, ...] = ()
    cost: float | None = None


@dataclass(frozen=True)
class SampleOutputs:
    """The outputs on one of the job's samples, each sent as a blob before the report. `sample`: its name."""

    sample: str
    outputs: tuple[TensorContent, ...]


@dataclass(frozen=True)
class Failure:
    """What went wrong, and in which phase. `code`: Core ML's, where there is one. `died`: the process was killed there,
    as its next start found out; `message` then says what was known."""

    phase: PhaseName
    message: str
    code: int | None = None
    died: bool = False


@dataclass(frozen=True)
class UnitRun:
    """One compute unit. A phase that was not reached is None or empty.

    `cold_load_ns`: from paths never loaded before. `cached_load_ns`: from the path loaded last. `placements`: empty
    where the system gives no compute plan (before iOS 17.4). `peak_footprint_bytes`: the process's largest physical
    footprint while this unit was at work.
    """

    compute_units: ComputeUnits
    cold_load_ns: tuple[int, ...] = ()
    cached_load_ns: int | None = None
    first_prediction_ns: int | None = None
    rounds: tuple[Round, ...] = ()
    placements: tuple[OperatorPlacement, ...] = ()
    outputs: tuple[SampleOutputs, ...] = ()
    peak_footprint_bytes: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class ConditionSample:
    """The device at `at_ns`. `battery_level`: 0..1, None where it has none. `foreground`: the app is active and the
    screen is on. `debugger`: one is attached. `footprint_bytes`: the process's physical footprint."""

    at_ns: int
    thermal: ThermalState
    low_power: bool
    foreground: bool
    debugger: bool
    footprint_bytes: int | None = None
    battery_level: float | None = None
    battery_state: Literal["unknown", "unplugged", "charging", "full"] = "unknown"


@dataclass(frozen=True)
class Validity:
    """Whether the latencies may be quoted. `reasons`: every condition that was broken, in words; empty when valid."""

    valid: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class BenchmarkReport:
    """One job, measured. `id`: made by the device; sending the same report again changes nothing.

    `package`: the identity of the package's content. `plan`: as it was carried out. `started`: wall clock, UTC, ISO
    8601. `clock`: the name of the monotonic clock, and `clock_resolution_ns` its smallest step as observed.
    `compile_ns`: of `.mlpackage` to `.mlmodelc`, None where a compiled one was at hand. `overhead_ns`: median duration
    of an empty timed region on this device.
    """

    schema: ClassVar[str] = "mobiledeploy.benchmark/1"

    id: str
    job: str
    package: str
    device: DeviceIdentity
    app: AppIdentity
    plan: MeasurementPlan
    started: str
    duration_ns: int
    clock: str
    clock_resolution_ns: int
    overhead_ns: int
    units: tuple[UnitRun, ...]
    conditions: tuple[ConditionSample, ...]
    validity: Validity
    compile_ns: int | None = None
    failure: Failure | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
