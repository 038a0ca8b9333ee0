"""What the host makes of a report: figures of every protocol from the raw samples, and what others published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mobiledeploy.records.benchmark import Failure, Validity
from mobiledeploy.records.device import AppIdentity, DeviceIdentity
from mobiledeploy.records.job import ComputeUnits
from mobiledeploy.records.parity import OutputParity

__all__ = ["BenchmarkSummary", "Figure", "Interval", "PublishedLatency", "StandingName", "UnitSummary"]

StandingName = Literal["real", "simulated", "simulator", "debug"]
"""Which results may stand beside each other: `real` is what a phone or a Mac measured with a release build."""


@dataclass(frozen=True)
class Interval:
    """Where the median lies with the probability `confidence`, in ms. `resampled`: what the bootstrap drew."""

    low_ms: float
    high_ms: float
    confidence: float
    resampled: Literal["rounds", "samples"]


@dataclass(frozen=True)
class Figure:
    """One protocol's figure in ms, or the `reason` why the run has not its form."""

    protocol: str
    milliseconds: float | None
    reason: str | None = None


@dataclass(frozen=True)
class PublishedLatency:
    """A latency that somebody published of the same architecture on a device with the same chip. `seen`: how, by the
    codes of mobiledeploy/bench/iphone_latency.md. `compute_units`: as the source says."""

    model: str
    latency_ms: float
    device: str
    compute_units: str
    source: str
    seen: str
    resolution: str = ""


@dataclass(frozen=True)
class UnitSummary:
    """One compute unit; times in ms, None where the phase was not reached.

    `median_ms`, `p90_ms`, `lowest_ms`: over `samples` timed predictions, percentiles interpolated linearly (Hyndman and
    Fan 1996, type 7). `cold_load_ms`: the median of the cold loads. `operators`: the share (0..1) that Core ML's plan
    prefers on each device, by number of operators. `parity`: on every sample, against the reference; None where nothing
    can be compared, for `parity_reason`. `warnings`: each ends in what to do.
    """

    compute_units: ComputeUnits
    samples: int
    median_ms: float | None = None
    p90_ms: float | None = None
    lowest_ms: float | None = None
    interval: Interval | None = None
    figures: tuple[Figure, ...] = ()
    cold_load_ms: float | None = None
    cached_load_ms: float | None = None
    first_prediction_ms: float | None = None
    peak_mebibytes: float | None = None
    operators: Mapping[str, float] = field(default_factory=dict)
    parity: tuple[OutputParity, ...] | None = None
    parity_reason: str | None = None
    outliers: int = 0
    warnings: tuple[str, ...] = ()
    published: tuple[PublishedLatency, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class BenchmarkSummary:
    """One report. `model`: as the export named it, else the package's name. `precision`: of the package, where known.
    `imported`: it came as a file. `validity`: the device's own judgement and the host's together. `size`: (height,
    width) of the pictures in pixels, where the package takes several. `parity_against`: what the device's outputs were
    held against: the original model's, or the package's own, executed by the host in float32."""

    schema: ClassVar[str] = "mobiledeploy.benchmark-summary/1"

    report: str
    job: str
    model: str
    package: str
    device: DeviceIdentity
    app: AppIdentity
    standing: StandingName
    validity: Validity
    started: str
    units: tuple[UnitSummary, ...]
    imported: bool = False
    precision: str | None = None
    failure: Failure | None = None
    size: tuple[int, int] | None = None
    parity_against: Literal["original", "package"] = "original"
