"""`results import` of files that people share, and `results export` to files that they have already."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

REPORT = json.loads((Path(__file__).parents[1] / "golden" / "benchmark.json").read_text(encoding="utf-8"))


def shared(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(REPORT | changes), encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (json.dumps(REPORT)[:500], "The file is damaged, or no report: share it again."),
        ("", "The file is damaged, or no report: share it again."),
        (json.dumps(REPORT | {"schema": "mobiledeploy.job/1"}), "The file is damaged, or no report: share it again."),
        (json.dumps(REPORT | {"schema": "mobiledeploy.benchmark/2"}), "Update mobiledeploy.\n"),
    ],
)
def test_of_a_file_that_is_no_report_the_remedy_is_about_files(command, store, tmp_path, content, remedy) -> None:
    file = tmp_path / "shared.json"
    file.write_text(content, encoding="utf-8")
    outcome = command("results", "import", file, "--store", store)
    assert outcome.code == 2
    assert remedy in outcome.err
    assert str(file) in outcome.err
    assert "phone" not in outcome.err.partition("remedy:")[2]
    assert not Path(store).exists()


def test_what_was_stored_before_a_refusal_is_said(command, store, tmp_path) -> None:
    """Two reports of one job: the first that came stays."""
    first, other = shared(tmp_path, "first.json"), shared(tmp_path, "other.json", id="another")
    last = shared(tmp_path, "last.json", id="third", job="another-job")
    outcome = command("results", "import", first, other, last, "--store", store)
    assert outcome.code == 2
    assert f"first.json: {REPORT['id']}" in outcome.out
    assert "the job has another report" in outcome.err
    assert str(other) in outcome.err
    assert "keeps the report that came first" in outcome.err
    document = json.loads(command("results", "import", last, other, "--store", store, "--json").out)
    assert [receipt["report"] for receipt in document["receipts"]] == ["third"]
    assert document["error"]["what"] == "the job has another report"


def test_an_export_leaves_the_old_file_where_the_new_one_cannot_be_written(
    command, store, tmp_path, monkeypatch
) -> None:
    command("results", "import", shared(tmp_path, "report.json"), "--store", store)
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.csv").write_text("mine")
    write = Path.write_text

    def full(path: Path, text: str, **how: Any) -> int:
        write(path, text[:10], **how)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    outcome = command("results", "export", out / "results.csv", "--store", store)
    monkeypatch.undo()
    assert (outcome.code, "No space left on device" in outcome.err) == (2, True)
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("results.csv", "mine")]
    assert command("results", "export", out / "results.csv", "--store", store).code == 0
    assert [path.name for path in out.iterdir()] == ["results.csv"]


def test_an_export_says_what_it_left_out(command, store, tmp_path) -> None:
    simulated = REPORT["device"] | {"kind": "simulated"}
    files = [shared(tmp_path, "real.json"), shared(tmp_path, "s.json", id="s", job="s", device=simulated)]
    command("results", "import", *files, "--store", store)
    outcome = command("results", "export", tmp_path / "r.csv", "--store", store)
    assert "1 real results in" in outcome.out
    assert "1 simulated, not in it: --kind simulated" in outcome.out
    with (tmp_path / "r.csv").open(encoding="utf-8") as stream:
        assert {(row["kind"], row["device"]) for row in csv.DictReader(stream)} == {("real", REPORT["device"]["name"])}


def test_a_run_that_failed_before_its_first_compute_unit_has_a_row(command, store, tmp_path) -> None:
    failure = {"phase": "compile", "message": "the compiler gave up", "code": None, "died": False}
    command("results", "import", shared(tmp_path, "f.json", units=[], failure=failure), "--store", store)
    command("results", "export", tmp_path / "r.csv", "--store", store)
    with (tmp_path / "r.csv").open(encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["failure"], row["compute_units"], row["valid"]) == ("the compiler gave up", "", "False")
