"""The coverage benchmark: its lists can be swept, and its bars miss nothing."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from sweep_tasks import record_of, task

from mobiledeploy.cli.line_options import options_of_line
from mobiledeploy.records import ExportOptions, GraphCost
from mobiledeploy.sweep.plan import Choice, plan

COVERAGE = Path(__file__).parents[2] / "benchmarks" / "coverage"


def models(pattern: str) -> list[str]:
    return [each.model for each in plan(Choice((f"{COVERAGE}/{pattern}",), ExportOptions()), options_of_line)]


def test_the_list_has_one_model_of_each_module_of_timm() -> None:
    import timm

    names = models("timm_modules.txt")
    modules = Counter(timm.models.model_entrypoint(name).__module__ for name in names)
    offered = {timm.models.model_entrypoint(name).__module__ for name in timm.list_models()}
    assert set(modules) == offered
    assert set(modules.values()) == {1}


@pytest.mark.parametrize(("library", "least"), [("torchvision", 30), ("vit_pytorch", 40), ("transformers", 40)])
def test_the_factories_of_other_libraries_are_found(library, least) -> None:
    names = models(f"{library}_models.py:*")
    assert len(set(names)) == len(names) >= least


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_report", COVERAGE / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = record_of(
    task("net"),
    psnr_db=60.0,
    max_rank=5,
    before=GraphCost(20, 2_000, 640),
    after=GraphCost(10, 1_000, 320),
    weight_before=2000.0,
    weight_after=1000.0,
)


def test_what_holds_every_bar_misses_none(report) -> None:
    assert report.misses(GOOD) == []
    assert report.misses(replace(GOOD, max_rank=None, weight_after=2000.0)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcome": "refused", "reason": "convert", "message": "no"}, "convert: no"),
        ({"max_rank": 6}, "a value of 6 axes"),
        ({"weight_after": 2001.0, "dearer": ("bound-rank",)}, "1.000x the weight after rewriting (bound-rank)"),
        ({"weight_after": 4000.0}, "2.000x the weight after rewriting (no rule by itself)"),
    ],
)
def test_a_bar_that_is_missed_is_named(report, changes, message) -> None:
    assert report.misses(replace(GOOD, **changes)) == [f"factories.py:net (coreml float16): {message}"]


def test_the_table_sums_what_passed(report) -> None:
    refused = replace(GOOD, outcome="refused", reason="convert", before=None, after=None)
    table = report.overview({"nets": [GOOD, replace(GOOD, psnr_db=50.0), refused]}).splitlines()
    assert table[2] == "| nets | 2 of 3 | 40 → 20 | 4.00 k → 2.00 k | 0.50x | 5 | 50.0 dB |"
    assert report.model_table([GOOD]).splitlines()[2] == (
        "| net | passed | 60.0 dB | 20 → 10 | 2.00 k → 1.00 k | 0.50x | 5 |"
    )


def test_exit_code_of_the_check(report, tmp_path, monkeypatch, capsys) -> None:
    from mobiledeploy.sweep.results import append

    path = tmp_path / "coverage.jsonl"
    append(path, GOOD)
    monkeypatch.setattr("sys.argv", ["report.py", str(path), "--check", "--models"])
    assert report.main() == 0
    assert "1 results: every bar is held." in capsys.readouterr().out
    append(path, replace(GOOD, max_rank=7))
    assert report.main() == 1
    assert "a value of 7 axes" in capsys.readouterr().out
