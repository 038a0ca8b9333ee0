"""Results as files for other programs: JSON with everything, CSV with a row per compute unit or per prediction."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mobiledeploy.campaign.sizes import size_text
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.campaign.outcome import StoredReport
    from mobiledeploy.records import BenchmarkSummary

__all__ = ["as_csv", "as_json", "samples_as_csv"]


def as_json(results: Iterable[tuple[StoredReport, BenchmarkSummary]]) -> str:
    """One document: per result the summary, and the report as the device sent it, raw samples included."""
    found = [
        {"summary": encode(summary), "received": stored.received, "report": json.loads(stored.document)}
        for stored, summary in results
    ]
    return json.dumps({"results": found}, indent=2, ensure_ascii=False) + "\n"


def as_csv(results: Iterable[tuple[StoredReport, BenchmarkSummary]]) -> str:
    """One row per report and compute unit; times in ms."""
    return _table(_UNIT_COLUMNS, (row for _, summary in results for row in _unit_rows(summary)))


def samples_as_csv(results: Iterable[tuple[StoredReport, BenchmarkSummary]]) -> str:
    """One row per timed prediction, in ns as measured."""
    rows = (
        _who(summary)
        | {
            "compute_units": unit.compute_units,
            "round": number,
            "index": index,
            "start_ns": start,
            "duration_ns": spent,
        }
        for stored, summary in results
        for unit in stored.report.units
        for number, one in enumerate(unit.rounds, 1)
        for index, (start, spent) in enumerate(zip(one.starts_ns, one.durations_ns, strict=True), 1)
    )
    return _table(_SAMPLE_COLUMNS, rows)


def _who(summary: BenchmarkSummary) -> dict[str, Any]:
    return {
        "result": summary.report,
        "kind": summary.standing,
        "valid": summary.validity.valid,
        "model": summary.model,
        "size": size_text(summary.size) if summary.size else None,
        "package": summary.package,
        "device": summary.device.name,
        "hardware": summary.device.hardware,
        "system": f"{summary.device.system} {summary.device.system_version} ({summary.device.build})",
        "started": summary.started,
    }


def _unit_rows(summary: BenchmarkSummary) -> Iterator[dict[str, Any]]:
    """One that says why, where a run failed before its first compute unit."""
    about = _who(summary) | {"reasons": "; ".join(summary.validity.reasons), "parity_against": summary.parity_against}
    if not summary.units:
        yield about | {"failure": summary.failure.message if summary.failure else None}
    for unit in summary.units:
        figures = {figure.protocol: figure.milliseconds for figure in unit.figures}
        yield about | {
            "compute_units": unit.compute_units,
            "samples": unit.samples,
            "median_ms": unit.median_ms,
            "p90_ms": unit.p90_ms,
            "lowest_ms": unit.lowest_ms,
            "low_ms": unit.interval.low_ms if unit.interval else None,
            "high_ms": unit.interval.high_ms if unit.interval else None,
            "modelbench_ms": figures.get("modelbench"),
            "mlperf_single_stream_ms": figures.get("mlperf-single-stream"),
            "cold_load_ms": unit.cold_load_ms,
            "cached_load_ms": unit.cached_load_ms,
            "first_prediction_ms": unit.first_prediction_ms,
            "psnr_db": min((each.psnr_db for each in unit.parity or ()), default=None),
            "equal": None if unit.parity is None else all(each.passed for each in unit.parity),
            "operators": " ".join(f"{name}:{share:.4f}" for name, share in unit.operators.items()),
            "no_parity": unit.parity_reason,
            "failure": unit.failure.message if unit.failure else None,
        }


_WHO = ("result", "kind", "valid", "model", "size", "package", "device", "hardware", "system", "started")
_SAMPLE_COLUMNS = (*_WHO, "compute_units", "round", "index", "start_ns", "duration_ns")
_FIGURES = ("median_ms", "p90_ms", "lowest_ms", "low_ms", "high_ms", "modelbench_ms", "mlperf_single_stream_ms")
_LOADS = ("cold_load_ms", "cached_load_ms", "first_prediction_ms")
_PROOF = ("parity_against", "psnr_db", "equal", "operators", "no_parity", "failure")
_UNIT_COLUMNS = (*_WHO, "reasons", "compute_units", "samples", *_FIGURES, *_LOADS, *_PROOF)


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
