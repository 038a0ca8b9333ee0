"""Whether a report is a report of its job: what the schema cannot say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mobiledeploy.server.blobs import Blobs, is_digest

if TYPE_CHECKING:
    from mobiledeploy.records import BenchmarkReport, Job, TensorContent, UnitRun

__all__ = ["ITEM_BYTES", "Standing", "faults", "standing"]

ITEM_BYTES = {"float16": 2, "float32": 4, "float64": 8, "int32": 4, "int8": 1, "uint8": 1}

Standing = str
"""real, simulated, simulator or debug: which results may stand beside each other."""

_STARTED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_MOST_AXES = 16
_NAME = re.compile(r"[\w.:+-]{1,64}")


def standing(report: BenchmarkReport) -> Standing:
    """`real` is what a phone or a Mac measured with a release build; all else is kept apart for ever."""
    if report.device.kind in ("simulated", "simulator"):
        return report.device.kind
    return "debug" if report.app.configuration == "debug" else "real"


def faults(report: BenchmarkReport, job: Job, blobs: Blobs) -> Iterator[str]:
    """Everything in which the report does not fit its job, in words; nothing where it fits. `blobs`: has outputs."""
    if _NAME.fullmatch(report.id) is None:
        yield "its id is not 1 to 64 letters, digits, or one of ._:+-"
    if report.job != job.id:
        yield f"it is of job {report.job:.64}"
    if report.package != job.package.identity:
        yield "it is of another package"
    if report.plan != job.plan:
        yield "it is of another plan"
    if _STARTED.fullmatch(report.started) is None:
        yield "`started` is no time of day in UTC"
    numbers = (report.duration_ns, report.clock_resolution_ns, report.overhead_ns, report.compile_ns or 0)
    if min(numbers) < 0:
        yield "a duration is negative"
    units = [unit.compute_units for unit in report.units]
    if len(set(units)) != len(units) or not set(units) <= set(job.plan.compute_units):
        yield "its compute units are not the plan's, once each"
    for unit in report.units:
        yield from (f"{unit.compute_units}: {fault}" for fault in _unit_faults(unit, job, blobs))
    if any(sample.at_ns < 0 or not 0 <= (sample.battery_level or 0) <= 1 for sample in report.conditions):
        yield "a condition is out of its range"


def _unit_faults(unit: UnitRun, job: Job, blobs: Blobs) -> Iterator[str]:
    for index, one in enumerate(unit.rounds, 1):
        if len(one.starts_ns) != len(one.durations_ns):
            yield f"round {index} has {len(one.starts_ns)} starts and {len(one.durations_ns)} durations"
        if min((*one.starts_ns, *one.durations_ns, *one.warm_up_ns, one.load_ns or 0), default=0) < 0:
            yield f"round {index} has a negative time"
    if min((*unit.cold_load_ns, unit.cached_load_ns or 0, unit.first_prediction_ns or 0), default=0) < 0:
        yield "a load or the first prediction has a negative time"
    if any(each.cost is not None and not 0 <= each.cost <= 1 for each in unit.placements):
        yield "the cost of an operator is not in 0..1"
    known = {sample.name for sample in job.samples}
    named = [each.sample for each in unit.outputs]
    if len(set(named)) != len(named) or not set(named) <= known:
        yield "its outputs are not of the job's samples, once each"
    for each in unit.outputs:
        for tensor in each.outputs:
            yield from _tensor_faults(tensor, blobs)


def _tensor_faults(tensor: TensorContent, blobs: Blobs) -> Iterator[str]:
    if len(tensor.shape) > _MOST_AXES:  # Core ML's arrays have five; the product of millions would take hours
        yield f"output {tensor.name:.64} has more than {_MOST_AXES} axes"
        return
    size = ITEM_BYTES[tensor.dtype] * math.prod(tensor.shape)
    if size != tensor.bytes or any(extent < 0 for extent in tensor.shape):
        yield f"output {tensor.name:.64} has another size than its shape and dtype"
        return
    path = blobs.find(tensor.sha256) if is_digest(tensor.sha256) else None
    if path is None or path.stat().st_size != tensor.bytes:
        yield f"the bytes of output {tensor.name:.64} were not sent"
