"""What a phone is asked to measure, and by which plan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar, Literal

__all__ = [
    "COMPUTE_UNITS",
    "ComputeUnits",
    "Job",
    "JobSample",
    "MeasurementPlan",
    "PackageContent",
    "PackageFile",
    "TensorContent",
    "ThermalState",
]

ComputeUnits = Literal["cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine", "all"]
COMPUTE_UNITS: tuple[ComputeUnits, ...] = ("cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine", "all")
"""The cases of Core ML's MLComputeUnits, by their names there."""

ThermalState = Literal["nominal", "fair", "serious", "critical"]
"""The cases of Foundation's ProcessInfo.ThermalState, coolest first."""


@dataclass(frozen=True)
class MeasurementPlan:
    """How to measure one package. Compute units take turns: round 1 of each, then round 2 of each, and so on.

    `rounds`, `iterations`, `warm_up`: per compute unit so many rounds, in each of them `warm_up` predictions that are
    recorded apart and then `iterations` that are timed. `reload`: load the compiled model again before each round. The
    defaults have the form of ModelBench (20 rounds of 50, reloaded and warmed up once per round; github
    apple/ml-fastvit, docs/latency).

    `cold_loads`: loads from a path that was never loaded before, per compute unit. `quality_of_service`: of the one
    thread that predicts. `hottest`: the thermal state up to which measuring goes on; above it the run waits for
    `cool_down_seconds` at most, and is marked invalid where the device stays hot. `time_limit_seconds`: for the whole
    job. `compute_plan`: ask Core ML where it would place each operator. `outputs`: send the outputs on the job's
    samples back, for every compute unit. `minimum_seconds`: after `rounds`, further rounds of the same form follow
    until the timed predictions of a compute unit sum up to so much (MLPerf's single stream asks for 60 s).
    """

    compute_units: tuple[ComputeUnits, ...] = COMPUTE_UNITS
    rounds: int = 20
    iterations: int = 50
    warm_up: int = 10
    reload: bool = True
    cold_loads: int = 1
    quality_of_service: Literal["userInteractive", "userInitiated", "default", "utility", "background"] = (
        "userInteractive"
    )
    hottest: ThermalState = "fair"
    cool_down_seconds: float = 300.0
    time_limit_seconds: float = 3600.0
    compute_plan: bool = True
    outputs: bool = True
    minimum_seconds: float = 0.0


@dataclass(frozen=True)
class PackageFile:
    """One file of a package. `path`: relative to the package, with forward slashes. `sha256`: hexadecimal."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class PackageContent:
    """A package folder by content. `files`: sorted by path (by Unicode code points). `name`: with its suffix."""

    name: str
    files: tuple[PackageFile, ...]

    @property
    def identity(self) -> str:
        """SHA-256 in hexadecimal over one line per file, `SHA256 SPACE BYTES SPACE PATH LF`, in the order of `files`:
        the name under which a compiled form may be kept, and by which reports name what they measured."""
        lines = "".join(f"{file.sha256} {file.bytes} {file.path}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True)
class TensorContent:
    """One array by content: `bytes` bytes, C-contiguous, little-endian. `dtype`: NumPy's name. `kind="image"`: uint8
    pixels (height, width, 3) in RGB order or (height, width), to be given to the model as a pixel buffer."""

    name: str
    dtype: Literal["float16", "float32", "float64", "int32", "int8", "uint8"]
    shape: tuple[int, ...]
    sha256: str
    bytes: int
    kind: Literal["multiarray", "image"] = "multiarray"


@dataclass(frozen=True)
class JobSample:
    """One set of inputs. `name`: as in the artifact's reference."""

    name: str
    inputs: tuple[TensorContent, ...]


@dataclass(frozen=True)
class Job:
    """One package to be measured by one plan on one device. `id`: unique for ever. `function`: of the package, None for
    its default. `samples`: the first feeds the timed predictions; all of them are predicted once for the outputs."""

    schema: ClassVar[str] = "mobiledeploy.job/1"

    id: str
    package: PackageContent
    samples: tuple[JobSample, ...]
    plan: MeasurementPlan = field(default_factory=MeasurementPlan)
    function: str | None = None
