"""The composition root: the stages put together, as the command line calls them."""

from mobiledeploy.pipeline.checking import check
from mobiledeploy.pipeline.exporting import ExportResult, export
from mobiledeploy.pipeline.running import RunResult, run

__all__ = ["ExportResult", "RunResult", "check", "export", "run"]
