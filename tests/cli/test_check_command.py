"""`mobiledeploy check`: several artifacts, the files for other programs, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree


def test_each_artifact_is_checked_in_order(command, pipeline) -> None:
    outcome = command("check", "a", "b", "--runner", "coreml", "--images", "pictures")
    assert outcome.code == 0
    assert [arguments for _, arguments, _ in pipeline.calls] == [(Path("a"),), (Path("b"),)]
    assert {options["runner"] for _, _, options in pipeline.calls} == {"coreml"}
    assert {options["images"] for _, _, options in pipeline.calls} == {Path("pictures")}


def test_a_failed_report_exits_with_4_after_everything_was_written(command, pipeline, tmp_path) -> None:
    pipeline.reports = (pipeline.report(), pipeline.report(passed=False, psnr_db=12.0))
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    outcome = command("check", "a", "--junit", junit, "--summary", summary)
    assert outcome.code == 4
    assert "1 of 2 packages" in outcome.err
    assert "12.0 dB" in outcome.out
    assert len(list(ElementTree.parse(junit).getroot().iter("failure"))) == 1
    assert "tiny.mlpackage" in summary.read_text()


def test_the_summary_is_appended_to(command, pipeline, tmp_path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert command("check", "a", "--summary", summary).code == 0
    assert summary.read_text().startswith("before\n")
    assert "tiny.mlpackage" in summary.read_text()


def test_an_unwritable_report_file_is_refused_before_any_work(command, pipeline, tmp_path) -> None:
    for option in ("--junit", "--summary"):
        outcome = command("check", "a", option, tmp_path / "nowhere" / "report")
        assert outcome.code == 2
        assert "cannot write" in outcome.err
    assert pipeline.calls == []


def test_json_of_a_failure_holds_reports_and_the_exit_code_tells(command, pipeline) -> None:
    pipeline.reports = (pipeline.report(passed=False, psnr_db=12.0),)
    outcome = command("check", "a", "--json")
    assert outcome.code == 4
    document = json.loads(outcome.out)
    assert document["reports"][0]["passed"] is False
    assert document["error"]["exit_code"] == 4
