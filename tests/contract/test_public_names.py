"""The names that other people's code may rest on. A change here is a change for them: give it a changelog fragment."""

from __future__ import annotations

import ast
import importlib

import pytest

import mobiledeploy

PUBLIC: dict[str, tuple[str, ...]] = {
    "mobiledeploy": (
        "ConversionError",
        "Diagnosis",
        "ExportOptions",
        "ExportResult",
        "GivenInputs",
        "HostError",
        "InputError",
        "InputSpec",
        "InternalError",
        "Manifest",
        "MobileDeployError",
        "OutputSummary",
        "ParityError",
        "ParityReport",
        "Preprocessing",
        "Proof",
        "RunResult",
        "__version__",
        "check",
        "diagnose",
        "export",
        "run",
    ),
    "mobiledeploy.cli": ("main",),
    "mobiledeploy.mil": ("Feature", "Model", "Operation", "State", "enable_coremltools_predict", "load"),
    "mobiledeploy.pipeline": (
        "ConvertedFile",
        "ExportResult",
        "GivenInputs",
        "OutputSummary",
        "RunResult",
        "check",
        "convert",
        "diagnose",
        "export",
        "run",
    ),
    "mobiledeploy.records": (
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
    ),
    "mobiledeploy.sources": ("ModelSource", "featured", "list_models", "resolve"),
}


def declared(source) -> tuple[str, ...]:
    """`__all__` as written, without importing."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    return ()


def test_the_public_names_of_every_package_are_these(sources) -> None:
    packages = {name: declared(source) for name, source in sources.items() if source.is_package}
    assert {name: names for name, names in packages.items() if names} == PUBLIC


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_there(package) -> None:
    module = importlib.import_module(package)
    assert [name for name in PUBLIC[package] if not hasattr(module, name)] == []


def test_lazy_names_are_the_ones_declared_for_type_checkers(sources) -> None:
    """What `__getattr__` serves, what `__all__` lists and what the type checker sees are one list."""
    below_type_checking = {
        name for found in sources["mobiledeploy"].imports if found.typing_only for name in found.names
    } - {"TYPE_CHECKING", "Any"}
    assert below_type_checking | {"__version__"} == set(mobiledeploy.__all__)
    assert set(mobiledeploy.__all__) <= set(dir(mobiledeploy))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'exprot'"):
        _ = mobiledeploy.exprot
