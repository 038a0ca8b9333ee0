"""A sweep as a whole: what is done is passed over, what is interrupted is gone on with."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sweep_tasks import record_of, task

from mobiledeploy.errors import InputError
from mobiledeploy.sweep.attempt import Limits
from mobiledeploy.sweep.engines import Engine
from mobiledeploy.sweep.results import append, read_results
from mobiledeploy.sweep.run import sweep

NAMES = [f"m{number}" for number in range(6)]
TASKS = [task(name) for name in NAMES]


@pytest.fixture
def attempted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Limits]]:
    """The attempts that were made, in the place of real ones; of m3 comes a refusal."""
    made: list[tuple[str, Limits]] = []

    def attempt(given, limits, stop=None):
        name = given.model.partition(":")[2]
        made.append((name, limits))
        fields = {"outcome": "refused", "reason": "convert", "message": "no"} if name == "m3" else {}
        return record_of(given, **fields)

    monkeypatch.setattr("mobiledeploy.sweep.engines.attempt", attempt)
    return made


def names(made) -> list[str]:
    return sorted(name for name, _ in made)


def test_every_task_is_tried_and_written(tmp_path, attempted) -> None:
    result = sweep(TASKS, results=tmp_path / "deep" / "r.jsonl", engine=Engine(jobs=3))
    assert names(attempted) == NAMES
    assert (result.tried, [record.model for record in result.records]) == (6, [each.model for each in TASKS])
    assert len(read_results(tmp_path / "deep" / "r.jsonl")) == 6


def test_a_second_start_does_nothing_and_gives_the_same(tmp_path, attempted) -> None:
    first = sweep(TASKS, results=tmp_path / "r.jsonl")
    written = (tmp_path / "r.jsonl").read_bytes()
    attempted.clear()
    second = sweep(TASKS, results=tmp_path / "r.jsonl")
    assert (attempted, second.tried, second.records) == ([], 0, first.records)
    assert (tmp_path / "r.jsonl").read_bytes() == written


def test_what_did_not_pass_can_be_tried_again(tmp_path, attempted) -> None:
    for retry, tried in (("none", NAMES), ("failed", ["m3"]), ("all", NAMES), ("none", [])):
        attempted.clear()
        sweep(TASKS, results=tmp_path / "r.jsonl", retry=retry)
        assert names(attempted) == tried


def test_results_of_other_versions_are_none(tmp_path, attempted) -> None:
    append(tmp_path / "r.jsonl", record_of(TASKS[0], versions={"torch": "1.0"}))
    append(tmp_path / "r.jsonl", record_of(TASKS[1]))
    sweep(TASKS[:2], results=tmp_path / "r.jsonl")
    assert names(attempted) == ["m0"]


def test_other_models_of_the_file_stay(tmp_path, attempted) -> None:
    append(tmp_path / "r.jsonl", record_of(task("other")))
    result = sweep(TASKS[:1], results=tmp_path / "r.jsonl")
    assert len(result.records) == 1
    assert len(read_results(tmp_path / "r.jsonl")) == 2


def test_attempts_share_the_cores(tmp_path, attempted, monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    sweep(TASKS[:1], results=tmp_path / "a.jsonl", engine=Engine(jobs=3))
    sweep(TASKS[:1], results=tmp_path / "b.jsonl", engine=Engine(jobs=20))
    sweep(TASKS[:1], results=tmp_path / "c.jsonl", limits=Limits(threads=5))
    assert [limits.threads for _, limits in attempted] == [2, 1, 5]


def test_progress_has_counts(tmp_path, attempted) -> None:
    said = []

    class Listening:
        def step(self, label):
            said.append(label)

        def note(self, text):
            said.append(text)

        def warn(self, text): ...

    sweep(TASKS[2:4], results=tmp_path / "r.jsonl", progress=Listening())
    sweep(TASKS[2:4], results=tmp_path / "r.jsonl", progress=Listening())
    assert said == [
        "Sweeping 2 models",
        "[1/2] factories.py:m2 coreml float16: passed, 0.0 s  (1 passed)",
        "[2/2] factories.py:m3 coreml float16: refused, 0.0 s (convert) no  (1 passed, 1 refused)",
        f"2 of 2 are done already, in {tmp_path / 'r.jsonl'}.",
    ]


def test_an_interrupt_ends_what_runs_and_keeps_what_is_done(tmp_path, monkeypatch) -> None:
    running, ended = threading.Event(), threading.Event()

    def attempt(given, limits, stop=None):
        if given.model.endswith("m0"):
            return record_of(given)
        running.set()
        assert stop is not None
        stop.wait(30)
        ended.set()
        return None

    class Impatient:
        def step(self, label): ...
        def warn(self, text): ...
        def note(self, text):
            assert running.wait(30)
            raise KeyboardInterrupt

    monkeypatch.setattr("mobiledeploy.sweep.engines.attempt", attempt)
    with pytest.raises(KeyboardInterrupt):
        sweep(TASKS, results=tmp_path / "r.jsonl", engine=Engine(jobs=2), progress=Impatient())
    assert ended.wait(10)
    assert [record.model for record in read_results(tmp_path / "r.jsonl")] == ["factories.py:m0"]


def test_an_engine_that_is_not_installed_says_how_to_install_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("mobiledeploy.sweep.engines.find_spec", lambda name: None)
    with pytest.raises(InputError) as refusal:
        sweep(TASKS, results=tmp_path / "r.jsonl", engine=Engine("dask"))
    assert (refusal.value.what, refusal.value.remedy) == (
        "the engine dask is not installed",
        'pip install "mobiledeploy[dask]"',
    )


def test_somebody_elses_file_is_not_touched(tmp_path, attempted) -> None:
    path = Path(tmp_path / "thesis.txt")
    path.write_text("It was a dark and stormy night")
    with pytest.raises(InputError, match="no results file"):
        sweep(TASKS, results=path)
    assert path.read_text() == "It was a dark and stormy night"
    assert attempted == []
