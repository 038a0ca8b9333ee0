"""Results as CSV and JSON: every column from its own place."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_jobs import PLAN
from stored import PHONE, store

from mobiledeploy.campaign.export_results import as_csv, as_json, samples_as_csv
from mobiledeploy.campaign.outcome import StoredReport, stored_reports, summarize
from mobiledeploy.records import BenchmarkSummary, Failure, Interval, OutputParity
from mobiledeploy.server.host import open_place

EQUAL = OutputParity("cat", "logits", 80.0, 0.0, 0.0, 1.0)
APART = replace(EQUAL, input="dog", psnr_db=40.0, passed=False)


@pytest.fixture
def results(tmp_path: Path) -> list[tuple[StoredReport, BenchmarkSummary]]:
    """Of a simulated phone, of a phone, and of one whose second compute unit failed."""
    place = open_place(str(tmp_path / "results.db"))
    plan = replace(PLAN, rounds=20, iterations=50)
    store(place, "a", device=replace(PHONE, kind="simulated"))
    report = store(place, "b", plan=plan)
    units = (report.units[0], replace(report.units[1], rounds=(), failure=Failure("coldLoad", "no Neural Engine")))
    store(place, "c", units=tuple(replace(unit, rounds=unit.rounds[:2]) for unit in units), plan=plan)
    found = {stored.report.job: (stored, summarize(stored, place.blobs)) for stored in stored_reports(place.ledger)}
    return [found[name] for name in ("a", "b", "c")]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_row_says_whether_it_is_real_and_valid_and_why_not(results) -> None:
    found = [(row["result"], row["kind"], row["valid"], row["reasons"]) for row in rows(as_csv(results))[::2]]
    assert found[0][:3] == ("r-a", "simulated", "False")
    assert "the device is simulated" in found[0][3]
    assert found[1] == ("r-b", "real", "True", "")
    assert [(row["result"], row["kind"]) for row in rows(samples_as_csv(results[:1]))] == [("r-a", "simulated")] * 12


def test_every_figure_stands_in_its_column(results) -> None:
    _, summary = results[1]
    unit = summary.units[0]
    parity, interval = (EQUAL, APART), Interval(0.5, 0.7, 0.95, "rounds")
    changed = replace(summary, units=(replace(unit, parity=parity, interval=interval), summary.units[1]))
    first, second = rows(as_csv([(results[1][0], changed)]))
    times = [unit.median_ms, unit.p90_ms, unit.lowest_ms, 0.5, 0.7, unit.figures[0].milliseconds]
    columns = ["median_ms", "p90_ms", "lowest_ms", "low_ms", "high_ms", "modelbench_ms"]
    assert [float(first[name]) for name in columns] == times
    assert len(set(times)) == 6
    loads = ["cold_load_ms", "cached_load_ms", "first_prediction_ms"]
    assert [float(first[name]) for name in loads] == [900.0, 30.0, 4.0]
    assert (first["samples"], first["compute_units"], first["psnr_db"], first["equal"]) == (
        "1000",
        "cpuOnly",
        "40.0",
        "False",
    )
    assert (first["mlperf_single_stream_ms"], second["equal"], second["psnr_db"]) == ("", "", "")
    assert (first["hardware"], first["system"], first["model"]) == ("iPhone13,3", "iOS 18.1 ()", "fastvit")


def test_a_unit_that_failed_says_so_and_has_no_figures(results) -> None:
    failed = rows(as_csv(results[2:]))[1]
    assert (failed["failure"], failed["samples"], failed["median_ms"]) == ("no Neural Engine", "0", "")


def test_every_sample_has_a_row_as_it_was_measured(results) -> None:
    stored, _ = results[1]
    found = rows(samples_as_csv([results[1]]))
    assert len(found) == 2 * 20 * 50
    row = found[20 * 50 + 50 + 2]
    assert (row["compute_units"], row["round"], row["index"]) == ("all", "2", "3")
    second = stored.report.units[1].rounds[1]
    assert (int(row["start_ns"]), int(row["duration_ns"])) == (second.starts_ns[2], second.durations_ns[2])


def test_the_json_has_the_report_as_it_was_sent(results) -> None:
    found = json.loads(as_json(results))["results"]
    assert [each["summary"]["report"] for each in found] == ["r-a", "r-b", "r-c"]
    for each, (stored, _) in zip(found, results, strict=True):
        assert each["report"] == json.loads(stored.document)
        assert each["received"] == stored.received


def test_no_results_are_a_table_without_rows() -> None:
    """Its columns are there all the same, for programs that go by them."""
    assert json.loads(as_json([])) == {"results": []}
    for text in (as_csv([]), samples_as_csv([])):
        assert text.startswith("result,kind,valid,")
        assert text.count("\n") == 1
