"""The tables of a sweep: every outcome counted, every failure with its place, the names of models whole."""

from __future__ import annotations

import io

from rich.console import Console

from mobiledeploy.records import ExportOptions, GraphCost, SweepRecord
from mobiledeploy.report.sweep_tables import status_table, summary, sweep_tables


def record(model: str, **fields: object) -> SweepRecord:
    values = {"outcome": "passed", "finished": "2026-01-02T03:04:05Z", "options": ExportOptions()} | fields
    return SweepRecord(model, "coreml", **values)  # type: ignore[arg-type]


COSTS = {"before": GraphCost(20, 2000, 64), "after": GraphCost(10, 1000, 32)}
PASSED = [record(f"net{n}", psnr_db=60.0 + n, max_rank=4, total_seconds=1.5, **COSTS) for n in range(8)]
REFUSED = record(
    "[odd]net",
    outcome="refused",
    reason="convert",
    message="coreml cannot convert it",
    operator="aten.foo.default",
    line="net.py:12",
)
CRASHED = record("last", outcome="failed", reason="crash", message="the process died", total_seconds=3.0)


def drawn(*renderables: object, width: int = 100) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(*renderables, sep="\n")
    return stream.getvalue()


def test_outcomes_are_counted_by_reason() -> None:
    assert summary([*PASSED, REFUSED, CRASHED]) == {"passed": 8, "convert": 1, "crash": 1}
    text = drawn(*sweep_tables([*PASSED, REFUSED, CRASHED]))
    rows = [line.split() for line in text.splitlines()]
    assert ["passed", "8"] in rows
    assert ["refused", "convert", "1"] in rows
    assert ["failed", "crash", "1"] in rows


def test_the_five_least_exact_are_listed_the_worst_first() -> None:
    rows = [line.split() for line in drawn(*sweep_tables(PASSED)).splitlines()]
    listed = [row for row in rows if row[:1] and row[0].startswith("net")]
    assert [row[0] for row in listed] == [f"net{n}" for n in range(5)]
    assert listed[0] == ["net0", "coreml", "float16", "60.0", "dB", "20", "→", "10", "4", "1.5"]


def test_a_failure_has_its_operator_line_and_message() -> None:
    text = drawn(*sweep_tables([REFUSED, CRASHED]))
    assert "[odd]net  coreml float16  convert  aten.foo.default at net.py:12\n  coreml cannot convert it" in text
    assert "last  coreml float16  crash\n  the process died" in text
    assert "Least exact" not in text


def test_nothing_failed_and_nothing_is_said_of_failures() -> None:
    assert "Did not pass" not in drawn(*sweep_tables(PASSED))


def test_status_says_what_was_never_tried() -> None:
    small = record("small", options=ExportOptions(resolution=(192, 256), precision="float32"), psnr_db=float("inf"))
    text = drawn(
        status_table([("net0", PASSED[0]), ("other", None), ("[odd]net", REFUSED), ("small", small)]), width=120
    )
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "net0 coreml float16 passed 60.0 dB 20 → 10 4 1.5" in rows
    assert "other never tried" in rows
    assert "[odd]net coreml float16 refused: convert at aten.foo.default - - - 0.0" in rows
    assert "small coreml float32 192x256 passed equal - - 0.0" in rows


def test_a_narrow_terminal_folds_names_and_cuts_none() -> None:
    name = "a_very_long_name_of_a_model_that_is_wider_than_its_column"
    text = drawn(status_table([(name, PASSED[0])]), width=70)
    rows = [line.split() for line in text.splitlines()[3:]]
    assert "".join(row[0] for row in rows if row).startswith("a_very_long_name")
    assert {"coreml", "float16", "passed", "60.0", "dB", "20", "→", "10", "4", "1.5"} <= {
        w for row in rows for w in row
    }
