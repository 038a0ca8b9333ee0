"""PyTorch vision model in, iPhone out, with proof at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobiledeploy.errors import (
        ConversionError,
        HostError,
        InputError,
        InternalError,
        MobileDeployError,
        ParityError,
    )
    from mobiledeploy.pipeline import ExportResult, GivenInputs, OutputSummary, RunResult, check, diagnose, export, run
    from mobiledeploy.records import Diagnosis, ExportOptions, InputSpec, Manifest, ParityReport, Preprocessing, Proof

    __version__: str

__all__ = [
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
]

_HOMES = {
    "errors": ("ConversionError", "HostError", "InputError", "InternalError", "MobileDeployError", "ParityError"),
    "pipeline": ("ExportResult", "GivenInputs", "OutputSummary", "RunResult", "check", "diagnose", "export", "run"),
    "records": ("Diagnosis", "ExportOptions", "InputSpec", "Manifest", "ParityReport", "Preprocessing", "Proof"),
}


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for, so that `import mobiledeploy` stays as light as nothing."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("mobiledeploy")
    else:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"mobiledeploy.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
