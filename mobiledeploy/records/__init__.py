"""What flows between the stages: frozen dataclasses with a versioned JSON form."""

from mobiledeploy.records.artifact import ExportOptions, FlexibleSizes, Manifest, ParityClaim, Proof
from mobiledeploy.records.diagnosis import Diagnosis, OperatorDiagnosis
from mobiledeploy.records.parity import Divergence, OutputParity, ParityReport
from mobiledeploy.records.precision import KeptOperator, MixedPrecision
from mobiledeploy.records.rewrite import GraphCost, RefusalRecord, RewriteLog, RuleRecord
from mobiledeploy.records.source import InputSpec, Preprocessing, SourceRecord, WeightsRecord
from mobiledeploy.records.sweep import SweepRecord, SweepTask

__all__ = [
    "Diagnosis",
    "Divergence",
    "ExportOptions",
    "FlexibleSizes",
    "GraphCost",
    "InputSpec",
    "KeptOperator",
    "Manifest",
    "MixedPrecision",
    "OperatorDiagnosis",
    "OutputParity",
    "ParityClaim",
    "ParityReport",
    "Preprocessing",
    "Proof",
    "RefusalRecord",
    "RewriteLog",
    "RuleRecord",
    "SourceRecord",
    "SweepRecord",
    "SweepTask",
    "WeightsRecord",
]
