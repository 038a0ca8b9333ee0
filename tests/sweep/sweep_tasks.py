"""Tasks and records for the tests of sweeps."""

from __future__ import annotations

from mobiledeploy.records import ExportOptions, SweepRecord, SweepTask
from mobiledeploy.sweep.conditions import versions


def task(name: str, **options: object) -> SweepTask:
    return SweepTask(f"factories.py:{name}", ExportOptions(**options))  # type: ignore[arg-type]


def record_of(given: SweepTask, **fields: object) -> SweepRecord:
    values = {"outcome": "passed", "finished": "2026-01-02T03:04:05Z", "versions": versions()} | fields
    return SweepRecord(given.model, given.target, given.options, files=given.files, **values)  # type: ignore[arg-type]
