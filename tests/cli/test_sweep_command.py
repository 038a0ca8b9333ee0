"""`mobiledeploy sweep`: arguments to tasks and limits, the result on the screen, and the exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mobiledeploy.records import ExportOptions, SweepRecord, SweepTask
from mobiledeploy.sweep.conditions import versions
from mobiledeploy.sweep.results import DEFAULT_RESULTS, append, read_results

if TYPE_CHECKING:
    from mobiledeploy.sweep.attempt import Limits

NETS = "".join(f"def {name}():\n    pass\n\n\n" for name in ("one", "two", "three"))
FAILURES: dict[str, dict[str, Any]] = {
    "crash": {"outcome": "failed", "reason": "crash", "message": "the process died"},
    "unequal": {"outcome": "unequal", "reason": "parity", "message": "too far", "psnr_db": 12.0},
    "refused": {"outcome": "refused", "reason": "convert", "message": "no", "operator": "aten.foo", "line": "n.py:3"},
    "slow": {"outcome": "failed", "reason": "timeout", "message": "not done"},
    "wrong": {"outcome": "failed", "reason": "input", "message": "raised"},
}


def made(task: SweepTask) -> SweepRecord:
    fields = FAILURES.get(task.model.partition(":")[2], {"outcome": "passed", "psnr_db": 61.5})
    return SweepRecord(task.model, task.target, task.options, finished="now", versions=versions(), **fields)


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[SweepTask, Limits]]:
    """The present folder, with files of factories; the attempts are recorded and not made."""
    seen: list[tuple[SweepTask, Limits]] = []

    def attempt(task, limits, stop=None):
        seen.append((task, limits))
        return replace(made(task), files=task.files)

    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "bad.py").write_text("".join(f"def {name}():\n    pass\n\n\n" for name in FAILURES))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mobiledeploy.sweep.engines.attempt", attempt)
    return seen


def test_defaults(command, tried) -> None:
    outcome = command("sweep", "nets.py:one")
    ((task, limits),) = tried
    assert outcome.code == 0
    assert (task.model, task.options) == ("nets.py:one", ExportOptions())
    assert (limits.seconds, limits.mebibytes, limits.output) == (1800.0, None, None)
    assert [record.model for record in read_results(DEFAULT_RESULTS)] == ["nets.py:one"]


def test_every_option_reaches_the_attempts(command, tried) -> None:
    text = (
        "sweep nets.py:t* --target onnx --precision float32 --precision float16 --weights random --resolution 32x48 "
        "--deployment-target ios17 --min-psnr 55 --seed 3 --jobs 2 --timeout 9.5 --memory 4096 --output kept "
        "--results r.jsonl"
    )
    assert command(*text.split()).code == 0
    options = [task.options for task, _ in tried]
    common = {"weights": "random", "resolution": (32, 48), "deployment_target": "iOS17", "min_psnr": 55.0, "seed": 3}
    wanted = [ExportOptions(("onnx",), precision=each, **common) for each in ("float32", "float16")] * 2
    assert sorted(options, key=str) == sorted(wanted, key=str)
    limits = tried[0][1]
    assert (limits.seconds, limits.mebibytes, limits.output) == (9.5, 4096, Path("kept"))
    assert len(read_results(Path("r.jsonl"))) == 4


def test_the_screen_has_progress_counts_and_a_table(command, tried) -> None:
    outcome = command("sweep", "nets.py:*", "bad.py:refused")
    assert outcome.code == 3
    assert "[4/4] bad.py:refused coreml float16: refused, 0.0 s (convert) no  (3 passed, 1 refused)" in outcome.err
    for text in ("4 models", "Least exact", "61.5 dB", "bad.py:refused  coreml float16  convert  aten.foo at n.py:3"):
        assert text in outcome.out
    assert outcome.err.count("error: 1 of 4 did not pass: 1 convert") == 1


@pytest.mark.parametrize(
    ("names", "code", "message"),
    [
        (["crash", "unequal", "refused", "slow", "wrong"], 1, "5 of 5 did not pass: 1 crash, 1 parity, 1 convert"),
        (["unequal", "refused", "slow", "wrong"], 4, "4 of 4 did not pass: 1 parity, 1 convert"),
        (["refused", "slow", "wrong"], 3, "3 of 3 did not pass: 1 convert, 1 timeout, 1 input"),
        (["slow", "wrong"], 5, "2 of 2 did not pass: 1 timeout, 1 input"),
        (["wrong"], 2, "1 of 1 did not pass: 1 input"),
    ],
)
def test_the_exit_code_is_that_of_the_gravest_reason(command, tried, names, code, message) -> None:
    outcome = command("sweep", *(f"bad.py:{name}" for name in names))
    assert outcome.code == code
    assert f"error: {message}" in outcome.err
    assert "Please report it" not in outcome.err


def test_a_resumed_sweep_has_the_exit_code_of_a_whole_one(command, tried) -> None:
    assert command("sweep", "bad.py:unequal").code == 4
    tried.clear()
    assert command("sweep", "bad.py:unequal", "nets.py:one").code == 4
    assert [task.model for task, _ in tried] == ["nets.py:one"]
    assert command("sweep", "bad.py:unequal", "--retry", "failed").code == 4
    assert [task.model for task, _ in tried] == ["nets.py:one", "bad.py:unequal"]


def test_json_is_one_document_with_every_record(command, tried) -> None:
    outcome = command("sweep", "nets.py:one", "bad.py:unequal", "--json")
    document = json.loads(outcome.out)
    assert (document["results"], document["tried"]) == ("exports/sweep.jsonl", 2)
    assert document["counts"] == {"passed": 1, "parity": 1}
    assert [record["outcome"] for record in document["records"]] == ["passed", "unequal"]
    assert (document["error"]["kind"], document["error"]["exit_code"]) == ("ParityError", 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nets.py:one --retry some", "`some` is no choice of what to try again that mobiledeploy knows"),
        ("nets.py:one --engine spark", "`spark` is no engine that mobiledeploy knows"),
        ("nets.py:one --engine dask", "the scheduler of the Dask cluster is not named"),
        ("nets.py:one --address tcp://here:1", "--address says nothing of this machine"),
        ("nets.py:one --precision int4", "`int4` is no precision that mobiledeploy knows"),
        ("nets.py:one --target tflite", "there is no target `tflite`"),
        ("nets.py:one --jobs 0", "Invalid value for '--jobs'"),
        ("nets.py:one --timeout 0", "Invalid value for '--timeout'"),
        ("nets.py:one --results nets.py", "nets.py is no results file of a sweep"),
        ("nets.py:one --results .", "cannot read .: Is a directory"),
        ("nets.py:nothing*", "no factory of nets.py matches `nothing*`"),
        ("", "Missing argument 'PATTERN|FILE...'"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_tried(command, tried, arguments, message) -> None:
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    outcome = command("sweep", *arguments.split())
    assert (outcome.code, outcome.out, tried) == (2, "", [])
    assert f"error: {message}" in outcome.err
    assert {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


def test_status_tells_what_a_sweep_found(command, tried) -> None:
    append(Path("r.jsonl"), made(SweepTask("fastvit_t8", ExportOptions(weights="random"))))
    append(Path("r.jsonl"), replace(made(SweepTask("bad.py:refused", ExportOptions())), files={}))
    outcome = command("models", "fastvit_t*", "--status", "--results", "r.jsonl")
    assert outcome.code == 0
    rows = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert "fastvit_t8 coreml float16 passed 61.5 dB - - 0.0" in rows
    assert "fastvit_t12 never tried" in rows
    assert "bad.py" not in outcome.out
    document = json.loads(command("models", "*refused*", "--status", "--results", "r.jsonl", "--json").out)
    assert document["models"] == ["bad.py:refused"]
    assert document["status"][0]["records"][0]["operator"] == "aten.foo"


def test_status_looks_where_a_sweep_writes(command, tried) -> None:
    command("sweep", "fastvit_t8", "--weights", "random")
    document = json.loads(command("models", "fastvit_t8", "--status", "--json").out)
    assert "random" in [record["options"]["weights"] for record in document["status"][0]["records"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("models --results r.jsonl", "--results says nothing without --status"),
        ("models --status --results absent.jsonl", "no results file is there: absent.jsonl"),
        ("models --status --results nets.py", "nets.py is no results file of a sweep"),
        ("models no_such_net --status", "no model of the zoo matches `no_such_net`"),
    ],
)
def test_a_status_of_nothing_is_refused(command, tried, arguments, message) -> None:
    outcome = command(*arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert f"error: {message}" in outcome.err
