"""What a person sees of a benchmark."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from mobiledeploy.records import (
    AppIdentity,
    BenchmarkSummary,
    DeviceIdentity,
    Failure,
    Figure,
    Interval,
    OutputParity,
    PublishedLatency,
    UnitSummary,
    Validity,
)
from mobiledeploy.report.bench_tables import bench_tables, result_list

UNIT = UnitSummary(
    "all",
    1000,
    median_ms=0.81234,
    p90_ms=1.2345,
    lowest_ms=0.7,
    interval=Interval(0.80, 0.82, 0.95, "rounds"),
    figures=(Figure("modelbench", 12.345), Figure("median", 0.81)),
    cold_load_ms=2345.6,
    cached_load_ms=31.25,
    first_prediction_ms=7.0,
    operators={"neuralEngine": 0.95, "cpu": 0.05},
    parity=(
        OutputParity("natural", "logits", 61.5, 0.1, 0.1, 1.0, top1=True, top5=1.0),
        OutputParity("cat", "logits", math.inf, 0.0, 0.0, 1.0, top1=True, top5=1.0),
    ),
    warnings=("measure [more] rounds",),
    published=(PublishedLatency("FastViT-T8", 0.8, "iPhone 12 Pro", "ALL", "github apple/ml-fastvit", "E1", "256"),),
)
SUMMARY = BenchmarkSummary(
    report="r-1",
    job="j-1",
    model="fastvit_t8",
    package="0" * 64,
    device=DeviceIdentity("phone", "iPhone13,3", "Zoe's iPhone", "iOS", "18.1", "22B83", 6, 1),
    app=AppIdentity("0.1.0", "x", "release"),
    standing="real",
    validity=Validity(True),
    started="2026-11-20T12:00:00Z",
    units=(UNIT,),
)


def drawn(*renderables) -> str:
    stream = io.StringIO()
    Console(file=stream, width=120, highlight=False).print(*renderables, sep="\n")
    return stream.getvalue()


def change(**fields) -> BenchmarkSummary:
    return replace(SUMMARY, **fields)


def unit(**fields) -> BenchmarkSummary:
    return replace(SUMMARY, units=(replace(UNIT, **fields),))


def test_every_figure_stands_in_its_column() -> None:
    text = drawn(*bench_tables([SUMMARY]))
    assert "fastvit_t8 on Zoe's iPhone (iPhone13,3, iOS 18.1)" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["all", "0.812", "1.23", "0.700", "12.3", "2346", "31.2", "7.00"] in rows
    assert ["all", "0.800..0.820", "61.5", "dB", "equal", "NE", "95%,", "CPU", "5%", "1000"] in rows
    assert ["all", "0.8", "iPhone", "12", "Pro", "ALL", "256", "github", "apple/ml-fastvit", "[E1]"] in rows
    assert "all: measure [more] rounds" in text
    assert "\nvalid\n" in text


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (
            change(validity=Validity(False, ("low power mode was on", "it was hot"))),
            "NOT valid: low power mode was on; it",
        ),
        (change(standing="simulated"), "No phone has measured this"),
        (change(standing="simulator"), "Xcode's simulator is no phone"),
        (change(standing="debug"), "A debug build has measured this"),
        (unit(failure=Failure("coldLoad", "no [memory]", died=True)), "all failed (coldLoad): no [memory]"),
        (unit(parity=(OutputParity("a", "b", -math.inf, math.inf, math.inf, 0.0, passed=False),)), "-inf dB"),
        (unit(parity=(OutputParity("a", "b", 50, 0, 0, 1, top1=False, passed=False),)), "differs"),
    ],
)
def test_what_is_wrong_cannot_be_missed(summary, text: str) -> None:
    assert text in drawn(*bench_tables([summary]))


def test_a_unit_that_never_ran_has_no_figures() -> None:
    text = drawn(*bench_tables([change(units=(UnitSummary("cpuOnly", 0),))]))
    assert ["CPU", "-", "-", "-", "-", "-", "-", "-"] in [line.split() for line in text.splitlines()]


def test_the_list_has_a_row_per_result() -> None:
    rows = [line.split() for line in drawn(result_list([SUMMARY, change(report="r-2", units=())])).splitlines()]
    assert ["r-1", "fastvit_t8", "Zoe's", "iPhone", "2026-11-20", "12:00", "0.812", "yes"] in rows
    assert ["r-2", "fastvit_t8", "Zoe's", "iPhone", "2026-11-20", "12:00", "-", "yes"] in rows


def test_of_results_that_are_not_real_the_list_says_so() -> None:
    text = drawn(result_list([change(standing="simulated")]))
    assert "No phone has measured this" in text
    assert "kind" not in text
    mixed = drawn(result_list([change(standing="debug"), SUMMARY]))
    assert ["result", "model", "device", "kind", "started", "median", "valid"] in map(str.split, mixed.splitlines())
    assert "kind" not in drawn(result_list([SUMMARY]))
    assert "size" not in drawn(result_list([SUMMARY]))


def test_the_list_fits_a_terminal_of_eighty_columns() -> None:
    """What a result is called, and when it was made, in one piece; long names of models and phones in several."""
    names = ["0f5e1111-2222", "1a2b3333-4444"]
    device = replace(SUMMARY.device, name="somebody's rather old iPhone of the second floor")
    listed = [change(report=name, model="mobilenetv3_small_050", device=device, standing="debug") for name in names]
    stream = io.StringIO()
    Console(file=stream, width=80, highlight=False).print(result_list(listed))
    text = stream.getvalue()
    assert all(name[:8] in text for name in names)
    assert text.count("2026-11-20 12:00") == 2
    assert max(map(len, text.splitlines())) <= 80


def test_results_are_listed_by_what_tells_them_apart() -> None:
    names = ["0f5e-1111-2222", "0f5e-1111-3333"]
    text = drawn(result_list([change(report=name, size=(160, 192)) for name in names]))
    assert all(f"{name[:11]} " in text for name in names)
    assert text.count("160x192") == 2
    assert "0f5e-111 " in drawn(result_list([change(report=names[0])]))


def test_the_size_and_what_parity_is_against_are_told() -> None:
    assert "fastvit_t8 at 160x192 on Zoe's iPhone" in drawn(*bench_tables([change(size=(160, 192))]))
    told = "parity: against the package's own program, executed here in float32"
    assert told in drawn(*bench_tables([change(parity_against="package")]))
    assert told not in drawn(*bench_tables([SUMMARY]))
    without = drawn(*bench_tables([change(parity_against="package", units=(WITHOUT, WITHOUT))]))
    assert told not in without
    assert without.count("no parity: nothing here executes it") == 1


WITHOUT = UnitSummary("all", 0, parity_reason="nothing here executes it")
