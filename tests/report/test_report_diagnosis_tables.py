"""A diagnosis on the screen: what is worst first, no more lines than asked for, nothing hidden in silence."""

from __future__ import annotations

import dataclasses
import io
import math

import pytest
from rich.console import Console

from mobiledeploy.records import Diagnosis, KeptOperator, MixedPrecision, OperatorDiagnosis
from mobiledeploy.report.diagnosis_tables import diagnosis_tables

SITE = "/somewhere/lib/python3.11/site-packages/timm/net.py"


def row(number: int, **changes: object) -> OperatorDiagnosis:
    whole = OperatorDiagnosis(
        "conv", f"conv_{number}_cast_fp16", 60.0 - number, 61.0, True, 100.0 + number, 0.5, 0.0, 600.0, 70.0, SITE
    )
    return dataclasses.replace(whole, **changes)


@pytest.fixture
def found(failed) -> Diagnosis:
    culprit = row(0, operator="matmul", output="[m]", psnr_db=-math.inf, headroom=0.9, rounding_db=-math.inf)
    mixed = MixedPrecision("net.mlpackage", 9, (KeptOperator("matmul", "m", "rounding", f"{SITE}:7"),), True)
    rows = (culprit, *(row(number) for number in range(1, 6)))
    return Diagnosis("net", True, None, failed, "cat.jpg", rows, mixed, 55.0, "Do this next.")


def drawn(found: Diagnosis, top: int = 10) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(*diagnosis_tables(found, top), sep="\n")
    return console.export_text()


def test_each_table_has_its_numbers(found) -> None:
    text = drawn(found)
    assert "Divergence from the original on cat.jpg" in text
    assert "against float16's largest, 65504" in text
    assert "overflows" in text
    assert "0.9x" in text
    assert "[m]" in text
    assert "too sensitive to its rounding" in text
    assert "1 of 9 operators in float32, not one of them too many" in text
    assert text.rstrip().endswith("Do this next.")


def test_names_and_lines_are_short(found) -> None:
    text = drawn(found)
    assert "conv_1 " in text
    assert "_cast_fp16" not in text.split("Divergence from")[1]
    assert "site-packages" not in text


def test_no_more_than_asked_for_and_the_rest_is_counted(found) -> None:
    text = drawn(found, top=2)
    assert text.count("conv_1 ") == 3
    assert "conv_2" not in text
    assert text.count("and 4 more: --top 6 or --json") == 3


def test_values_that_lose_bits_have_a_table_only_where_there_are_many(found) -> None:
    assert "where float16 loses bits" not in drawn(found)
    small = dataclasses.replace(found, operators=(row(1, subnormal=0.5), row(2, subnormal=0.001)))
    text = drawn(small).split("where float16 loses bits")[1].split("What rounding costs")[0]
    assert "conv_1" in text
    assert "50.0%" in text
    assert "conv_2" not in text


def test_nothing_to_see_is_said(found, passed) -> None:
    equal = row(1, psnr_db=math.inf, input_psnr_db=math.inf, headroom=None, largest=None, rounding_db=None)
    mixed = dataclasses.replace(found.mixed, kept=())
    healthy = dataclasses.replace(found, parity=passed, operators=(equal,), mixed=mixed, original=False, note="Alone.")
    text = drawn(healthy)
    assert text.startswith("Alone.")
    assert "On cat.jpg no operator diverges from itself in float32." in text
    assert "What rounding costs" not in text
    assert "float32, not one" not in text
