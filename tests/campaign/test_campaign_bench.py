"""`mobiledeploy bench` as a whole: its process, real HTTP, and phones that are played by the test."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from bench_process import PHONE, answers, bench_process, do
from wire_client import APP, WireClient

from mobiledeploy.records import AppIdentity

SHORT = ("--rounds", 2, "--iterations", 3, "--compute-units", "cpu,all")


@pytest.fixture
def right(exported):
    return answers(exported)


def test_from_the_exported_folder_to_figures_and_parity(exported, store, tmp_path, right) -> None:
    with bench_process(tmp_path / "log", exported, "--store", store, "--compute-units", "all,cpu") as bench:
        phone = bench.phone()
        do(phone, right, milliseconds=2.0)
        code, document, _ = bench.end()
    assert code == 0
    (result,) = document["results"]
    assert (result["model"], result["standing"], result["validity"]) == ("tiny", "real", {"valid": True, "reasons": []})
    assert [unit["compute_units"] for unit in result["units"]] == ["cpuOnly", "all"]
    unit = result["units"][1]
    assert (unit["samples"], unit["cached_load_ms"], unit["cold_load_ms"]) == (1000, 30.0, 900.0)
    assert 2.0 <= unit["lowest_ms"] <= unit["median_ms"] <= unit["p90_ms"] <= 2.022
    modelbench, single_stream, _ = unit["figures"]
    assert unit["lowest_ms"] < modelbench["milliseconds"] < unit["p90_ms"]
    assert (single_stream["milliseconds"], single_stream["reason"]) == (
        None,
        "it takes 1024 queries and 60 s; this run has 1000 in 2.0 s",
    )
    assert [(each["input"], each["output"], each["psnr_db"], each["top1"]) for each in unit["parity"]] == [
        (name, "logits", "inf", True) for name in right
    ]
    assert document["jobs"][0]["state"] == "reported"


def test_a_compute_unit_that_computes_something_else_is_found(exported, store, tmp_path, right) -> None:
    wrong = {name: {key: array[:, ::-1] for key, array in found.items()} for name, found in right.items()}
    with bench_process(tmp_path / "log", exported, "--store", store, *SHORT) as bench:
        do(bench.phone(), wrong)
        code, document, _ = bench.end()
    assert code == 4
    assert document["error"]["what"].startswith("on the device tiny does not equal the original: its PSNR of")
    assert not any(each["passed"] for each in document["results"][0]["units"][0]["parity"])


def test_nan_on_the_device_fails(exported, store, tmp_path, right) -> None:
    broken = {name: {key: np.full_like(array, np.nan) for key, array in one.items()} for name, one in right.items()}
    with bench_process(tmp_path / "log", exported, "--store", store, *SHORT) as bench:
        do(bench.phone(), broken)
        code, document, _ = bench.end()
    assert code == 4
    assert "4 of its 4 values are NaN" in document["error"]["what"]


def test_ctrl_c_keeps_the_queue_and_the_same_command_goes_on(exported, store, tmp_path, right) -> None:
    arguments = (exported, "--store", store, *SHORT, "--phones", 2)
    with bench_process(tmp_path / "log", *arguments) as bench:
        first = do(bench.phone(), right)
        code, _, told = bench.interrupt()
    assert code == 130
    assert "The queue is kept: the same command goes on with what is left." in told
    with bench_process(tmp_path / "log", *arguments) as bench:
        second = do(bench.phone(name="another"), right)
        code, document, told = bench.end()
    assert code == 0
    assert "taken up again with 1 done" in told
    assert [each["job"] for each in document["results"]] == [first, second]
    assert {each["device"]["name"] for each in document["results"]} == {PHONE.name, "another"}


def test_a_job_that_no_phone_can_do_ends_the_command(exported, store, tmp_path) -> None:
    with bench_process(tmp_path / "log", exported, "--store", store, *SHORT) as bench:
        phone = bench.phone()
        phone.release(phone.next(wait=20).id, retry=False)
        code, document, told = bench.end()
    assert code == 5
    assert document["error"]["what"] == "1 of 1 jobs were not measured: asked to"
    assert "tiny.mlpackage was given up: asked to" in told


def test_a_simulated_phone_is_given_nothing_that_is_meant_for_real_ones(exported, store, tmp_path, right) -> None:
    with bench_process(tmp_path / "log", exported, "--store", store, *SHORT) as bench:
        assert bench.phone(kind="simulated").next(wait=1) is None
        do(bench.phone(2), right)
        code, document, _ = bench.end()
    assert (code, document["results"][0]["standing"]) == (0, "real")


def test_results_of_every_kind_are_kept_apart(exported, store, tmp_path, right, command) -> None:
    with bench_process(tmp_path / "log", exported, "--store", store, *SHORT, "--phones", 2) as bench:
        do(bench.phone(), right)
        phone = bench.phone(2)
        debug = WireClient(phone.port, device=phone.device, app=AppIdentity(APP.version, APP.commit, "debug"))
        debug.pair(_next_token(bench))
        do(debug, right)
        code, document, _ = bench.end()
    assert code == 0
    assert [each["standing"] for each in document["results"]] == ["real", "debug"]
    listed = json.loads(command("results", "list", "--store", store, "--json").out)
    assert [each["standing"] for each in listed["results"]] == ["real"]
    assert listed["others"] == {"debug": 1}
    table = command("results", "list", "--store", store).out
    assert "1 debug: --kind debug" in table
    file = tmp_path / "results.csv"
    assert command("results", "export", file, "--store", store, "--kind", "debug").code == 0
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [(row["kind"], row["compute_units"], row["equal"]) for row in rows] == [
        ("debug", "cpuOnly", "True"),
        ("debug", "all", "True"),
    ]
    assert {row["reasons"] for row in rows} == {"the app is a debug build"}
    raw = tmp_path / "samples.csv"
    assert command("results", "export", raw, "--store", store, "--samples").code == 0
    assert len(raw.read_text().splitlines()) == 1 + 2 * 2 * 3
    whole = tmp_path / "results.json"
    assert command("results", "export", whole, "--store", store).code == 0
    (one,) = json.loads(whole.read_text())["results"]
    assert len(one["report"]["units"][0]["rounds"]) == 2
    shown = command("results", "show", one["summary"]["report"], "--store", store)
    assert shown.code == 0
    for text in ("tiny on Zoe's iPhone (iPhone13,2, iOS 18.1)", "ModelBench", "CPU", "equal", "valid"):
        assert text in shown.out


def _next_token(bench) -> str:
    from wire_client import until

    until(lambda: len(bench.links()) > 2)
    return bench.links()[-1][1]
