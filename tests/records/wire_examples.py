"""One record of every kind that travels alone: with every field filled, and with nothing that may be left out.

The golden files are what these become. The values are chosen to be hard for a reader: numbers beyond 2**53, text beyond
the first plane, a path that sorts differently in UTF-16, fractions without a finite binary form.
"""

from __future__ import annotations

from typing import Any

from mobiledeploy.records import (
    AppIdentity,
    BenchmarkReport,
    ConditionSample,
    DeviceIdentity,
    Failure,
    Heartbeat,
    HeartbeatAnswer,
    Job,
    JobSample,
    Lease,
    MeasurementPlan,
    OperatorPlacement,
    PackageContent,
    PackageFile,
    PairingAnswer,
    PairingRequest,
    Problem,
    Progress,
    Receipt,
    Release,
    Round,
    SampleOutputs,
    TensorContent,
    UnitRun,
    Validity,
)

DEVICE = DeviceIdentity(
    kind="phone",
    hardware="iPhone13,2",
    name="Zoë's iPhone 📱",
    system="iOS",
    system_version="18.1",
    build="22B83",
    processors=6,
    memory_bytes=4_013_817_856,
    compute_devices=("cpu", "gpu", "neuralEngine"),
    neural_engine_cores=16,
)
BARE_DEVICE = DeviceIdentity("simulated", "x86_64", "", "Linux", "6.1", "", 2, 0)
APP = AppIdentity("0.1.0", "53c224e", "release", core_ml="3404.16.1")
BARE_APP = AppIdentity("0.1.0", "unknown", "debug")

PACKAGE = PackageContent(
    "fastvit_t8.mlpackage",
    (
        PackageFile("Data/com.apple.CoreML/model.mlmodel", "0a" * 32, 91_234),
        PackageFile("Data/com.apple.CoreML/weights/weight.bin", "1b" * 32, 7_654_321),
        PackageFile("Data/labels \uff5e.txt", "2c" * 32, 0),
        PackageFile("Data/labels \U0001f34e.txt", "3d" * 32, 17),
        PackageFile("Manifest.json", "4e" * 32, 617),
    ),
)
SAMPLE = JobSample("chelsea", (TensorContent("image", "uint8", (256, 256, 3), "5f" * 32, 196_608, kind="image"),))
SECOND = JobSample(
    "natural",
    (
        TensorContent("image", "uint8", (256, 256, 3), "60" * 32, 196_608, kind="image"),
        TensorContent("scale", "float32", (), "71" * 32, 4),
    ),
)
PLAN = MeasurementPlan(
    compute_units=("cpuAndNeuralEngine", "cpuOnly"),
    rounds=2,
    iterations=3,
    warm_up=1,
    reload=False,
    cold_loads=2,
    quality_of_service="userInitiated",
    hottest="nominal",
    cool_down_seconds=0.1,
    time_limit_seconds=90.5,
    compute_plan=False,
    outputs=False,
    minimum_seconds=0.3,
)
JOB = Job("01JD2V7Z3K", PACKAGE, (SAMPLE, SECOND), PLAN, function="size_256x256")
BARE_JOB = Job("j", PackageContent("net.mlpackage", ()), ())

UNIT = UnitRun(
    compute_units="cpuAndNeuralEngine",
    cold_load_ns=(2_345_678_901, 2_100_000_000),
    cached_load_ns=31_234_567,
    first_prediction_ns=4_567_890,
    rounds=(
        Round((9_007_199_254_740_993, 9_007_199_255_741_994), (812_375, 798_001), (1_200_000,), 30_111_222),
        Round((9_007_199_256_000_000,), (0,), (), None),
    ),
    placements=(
        OperatorPlacement("ios16.conv", "input_3", "neuralEngine", ("cpu", "gpu", "neuralEngine"), 0.1),
        OperatorPlacement("const", "w_0"),
    ),
    outputs=(SampleOutputs("chelsea", (TensorContent("logits", "float16", (1, 1000), "82" * 32, 2000),)),),
    peak_footprint_bytes=123_456_789,
    failure=Failure("outputs", "Failed to look up symbol “main”", code=-14, died=True),
)
CONDITION = ConditionSample(
    at_ns=1_000_000_007,
    thermal="fair",
    low_power=True,
    foreground=True,
    debugger=True,
    footprint_bytes=99_000_000,
    battery_level=0.85,
    battery_state="unplugged",
)
REPORT = BenchmarkReport(
    id="6f9619ff-8b86-d011-b42d-00c04fc964ff",
    job=JOB.id,
    package=PACKAGE.identity,
    device=DEVICE,
    app=APP,
    plan=PLAN,
    started="2026-11-20T12:00:00Z",
    duration_ns=61_000_000_001,
    clock="ContinuousClock",
    clock_resolution_ns=42,
    overhead_ns=83,
    units=(UNIT, UnitRun("cpuOnly")),
    conditions=(CONDITION, ConditionSample(0, "nominal", False, False, False)),
    validity=Validity(False, ("low power mode was on", "a debugger was attached")),
    compile_ns=1_500_000_000,
    failure=Failure("rounds", "the app was killed", died=True),
    notes={"locale": "en_GB", "emptyß": ""},
)
BARE_REPORT = BenchmarkReport(
    id="r",
    job="j",
    package=BARE_JOB.package.identity,
    device=BARE_DEVICE,
    app=BARE_APP,
    plan=MeasurementPlan(),
    started="2026-11-20T12:00:00Z",
    duration_ns=0,
    clock="simulated",
    clock_resolution_ns=1,
    overhead_ns=0,
    units=(),
    conditions=(),
    validity=Validity(True),
)

FULL: tuple[Any, ...] = (
    DEVICE,
    APP,
    JOB,
    REPORT,
    PairingRequest("7KQ2-M9XD", DEVICE, APP, (1, 2)),
    PairingAnswer("device-3", "c2VjcmV0", 1, 2.5, 20.1),
    Lease("lease-7", JOB, 2),
    Heartbeat(Progress("rounds", "cpuAndNeuralEngine", 17, 0.7)),
    HeartbeatAnswer(True),
    Release("the user stopped it", retry=False),
    Receipt(REPORT.id, True),
    Problem(410, "lease-lost", "the lease lease-7 is over", "Ask for the next job."),
)
MINIMAL: tuple[Any, ...] = (
    BARE_DEVICE,
    BARE_APP,
    BARE_JOB,
    BARE_REPORT,
    PairingRequest("7KQ2M9XD", BARE_DEVICE, BARE_APP, ()),
    PairingAnswer("d", "s", 1, 5.0, 30.0),
    Lease("l", BARE_JOB, 1),
    Heartbeat(Progress("fetch")),
    HeartbeatAnswer(),
    Release(""),
    Receipt("r", False),
    Problem(500, "internal", "", ""),
)
