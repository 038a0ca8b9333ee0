"""What flows between the stages, and between host and phone: frozen dataclasses with a versioned JSON form."""

from mobiledeploy.records.artifact import ExportOptions, FlexibleSizes, Manifest, ParityClaim, Proof
from mobiledeploy.records.benchmark import (
    BenchmarkReport,
    ConditionSample,
    Failure,
    OperatorPlacement,
    Round,
    SampleOutputs,
    UnitRun,
    Validity,
)
from mobiledeploy.records.device import AppIdentity, DeviceIdentity
from mobiledeploy.records.diagnosis import Diagnosis, OperatorDiagnosis
from mobiledeploy.records.exchange import (
    Heartbeat,
    HeartbeatAnswer,
    Lease,
    PairingAnswer,
    PairingRequest,
    Problem,
    Progress,
    Receipt,
    Release,
)
from mobiledeploy.records.job import Job, JobSample, MeasurementPlan, PackageContent, PackageFile, TensorContent
from mobiledeploy.records.measured import BenchmarkSummary, Figure, Interval, PublishedLatency, UnitSummary
from mobiledeploy.records.parity import Divergence, OutputParity, ParityReport
from mobiledeploy.records.precision import KeptOperator, MixedPrecision
from mobiledeploy.records.rewrite import GraphCost, RefusalRecord, RewriteLog, RuleRecord
from mobiledeploy.records.source import InputSpec, Preprocessing, SourceRecord, WeightsRecord
from mobiledeploy.records.sweep import SweepRecord, SweepTask

__all__ = [
    "AppIdentity",
    "BenchmarkReport",
    "BenchmarkSummary",
    "ConditionSample",
    "DeviceIdentity",
    "Diagnosis",
    "Divergence",
    "ExportOptions",
    "Failure",
    "Figure",
    "FlexibleSizes",
    "GraphCost",
    "Heartbeat",
    "HeartbeatAnswer",
    "InputSpec",
    "Interval",
    "Job",
    "JobSample",
    "KeptOperator",
    "Lease",
    "Manifest",
    "MeasurementPlan",
    "MixedPrecision",
    "OperatorDiagnosis",
    "OperatorPlacement",
    "OutputParity",
    "PackageContent",
    "PackageFile",
    "PairingAnswer",
    "PairingRequest",
    "ParityClaim",
    "ParityReport",
    "Preprocessing",
    "Problem",
    "Progress",
    "Proof",
    "PublishedLatency",
    "Receipt",
    "RefusalRecord",
    "Release",
    "RewriteLog",
    "Round",
    "RuleRecord",
    "SampleOutputs",
    "SourceRecord",
    "SweepRecord",
    "SweepTask",
    "TensorContent",
    "UnitRun",
    "UnitSummary",
    "Validity",
    "WeightsRecord",
]
