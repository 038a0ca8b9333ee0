"""The results file: appended to, resumable after any interruption, and never somebody else's file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_tasks import record_of, task

from mobiledeploy.errors import InputError, OutputError
from mobiledeploy.records import ExportOptions, SweepTask
from mobiledeploy.sweep.results import append, latest, prepare_results, read_results, task_key


def results(folder: Path, *names: str) -> Path:
    path = folder / "results.jsonl"
    for name in names:
        append(path, record_of(task(name)))
    return path


def names(path: Path) -> list[str]:
    return [record.model.partition(":")[2] for record in read_results(path)]


def test_records_come_back_in_the_order_they_were_written(tmp_path) -> None:
    path = results(tmp_path, "one", "two")
    assert read_results(path) == (record_of(task("one")), record_of(task("two")))


def test_each_line_is_one_document(tmp_path) -> None:
    lines = results(tmp_path, "one", "two").read_text().splitlines()
    assert [json.loads(line)["schema"] for line in lines] == ["mobiledeploy.sweep/1"] * 2


def test_a_file_that_is_not_there_holds_nothing(tmp_path) -> None:
    assert read_results(tmp_path / "absent.jsonl") == ()


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_last_line_that_was_cut_short_is_taken_away(tmp_path, cut) -> None:
    path = results(tmp_path, "one", "two")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    os.truncate(path, max(first + 1, len(whole) - cut))
    assert names(path) == (["one", "two"] if cut == 1 else ["one"])
    append(path, record_of(task("three")))
    assert names(path) == ["one", "three"]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 5000))
def test_wherever_the_first_write_was_cut_the_file_can_be_gone_on_with(tmp_path_factory, cut) -> None:
    path = results(tmp_path_factory.mktemp("cut"), "one")
    os.truncate(path, min(cut, path.stat().st_size))
    read_results(path)
    prepare_results(path)
    append(path, record_of(task("two")))
    assert names(path)[-1] == "two"
    assert len(path.read_bytes().splitlines()) == len(names(path))


def test_a_line_that_lost_power_is_passed_over_with_a_warning(tmp_path) -> None:
    path = results(tmp_path, "one")
    path.write_bytes(path.read_bytes() + b"\0\0\0\n")
    append(path, record_of(task("two")))
    said = []

    class Listening:
        def step(self, label): ...
        def note(self, text): ...
        def warn(self, text):
            said.append(text)

    assert [record.model for record in read_results(path, progress=Listening())] == [
        "factories.py:one",
        "factories.py:two",
    ]
    assert said == [f"1 line(s) of {path} are cut short and are passed over; their models are tried again."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n rest", "is no results file of a sweep"),
        (b"model,psnr\nresnet18,60\n", "is no results file of a sweep"),
        (b'{"name": "package"}\n', "holds another record: no `schema` field; expected mobiledeploy.sweep/1"),
        (b'{"schema": "mobiledeploy.sweep/9"}\n', "holds another record: schema mobiledeploy.sweep/9 is newer"),
        (b'{"schema": "mobiledeploy.sweep/1"}\n', "holds another record: field `model` is missing"),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path, content, message) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        read_results(path)
    assert message in refusal.value.what
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_one_message(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="File exists"):
        prepare_results(tmp_path / "file" / "results.jsonl")
    with pytest.raises(InputError, match="Is a directory"):
        read_results(tmp_path)


def test_the_last_record_of_a_task_counts(tmp_path) -> None:
    path = tmp_path / "results.jsonl"
    append(path, record_of(task("one"), outcome="failed", reason="crash"))
    append(path, record_of(task("one")))
    (record,) = latest(read_results(path)).values()
    assert record.outcome == "passed"


def test_options_and_contents_of_files_tell_tasks_apart() -> None:
    plain = SweepTask("m.py:f", ExportOptions(), {"m.py": "aa"})
    others = [
        SweepTask("m.py:f", ExportOptions(precision="float32"), {"m.py": "aa"}),
        SweepTask("m.py:f", ExportOptions(resolution=(32, 32)), {"m.py": "aa"}),
        SweepTask("m.py:f", ExportOptions(targets=("onnx",)), {"m.py": "aa"}),
        SweepTask("m.py:f", ExportOptions(), {"m.py": "bb"}),
        SweepTask("m.py:g", ExportOptions(), {"m.py": "aa"}),
    ]
    assert len({task_key(each) for each in [plain, *others]}) == 6


def test_several_writers_never_mix_their_lines(tmp_path) -> None:
    path = tmp_path / "results.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append(path, record_of(task(f"m{number}"))), range(64)))
    assert sorted(names(path)) == sorted(f"m{number}" for number in range(64))


FULL = """
import resource, signal, sys
from pathlib import Path
from mobiledeploy.errors import OutputError
from mobiledeploy.sweep.results import append, read_results
path = Path(sys.argv[1])
record = read_results(path)[0]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, resource.RLIM_INFINITY))
try:
    append(path, record)
except OutputError as error:
    print(error.what)
"""


def test_a_disk_that_is_full_leaves_no_half_line(tmp_path) -> None:
    """Played by a limit on the size of files, which cuts a write short just as a full disk does."""
    path = results(tmp_path, "one")
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith(f"cannot write {path}: ")
    assert path.read_bytes() == before
