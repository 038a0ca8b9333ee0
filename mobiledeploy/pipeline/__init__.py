"""The composition root: the stages put together, as the command line calls them."""

from mobiledeploy.pipeline.checking import check
from mobiledeploy.pipeline.converting import ConvertedFile, convert
from mobiledeploy.pipeline.diagnosing import diagnose
from mobiledeploy.pipeline.exporting import ExportResult, export
from mobiledeploy.pipeline.given_inputs import GivenInputs
from mobiledeploy.pipeline.output_summary import OutputSummary
from mobiledeploy.pipeline.running import RunResult, run

__all__ = [
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
]
