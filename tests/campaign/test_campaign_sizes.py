"""Packages for several sizes: a job for each size that was asked for, held against that size's own reference."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from bench_process import answers, bench_process, do

from mobiledeploy.campaign.enqueue import enqueue
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.campaign.sizes import ChosenSizes, SizesTaken
from mobiledeploy.cli import main
from mobiledeploy.errors import InputError
from mobiledeploy.records import MeasurementPlan
from mobiledeploy.server.blobs import Blobs
from mobiledeploy.server.host import open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import JobQueue

NETWORKS = Path(__file__).parents[1] / "end_to_end" / "flexible_networks.py"
ALL = ChosenSizes(every=True)
SHORT = ("--rounds", 2, "--iterations", 3, "--compute-units", "all")


def export(folder: Path, network: str, *more: str) -> Path:
    """Of pictures of 32x32, by default, and 20x24."""
    arguments = ["--flexible", "20x24,32", "--output", str(folder), "--name", "net", *more]
    assert main(["export", f"{NETWORKS}:{network}", *arguments]) == 0
    return folder / "net"


@pytest.fixture(scope="module")
def enumerated(tmp_path_factory) -> Path:
    return export(tmp_path_factory.mktemp("enumerated"), "blocks")


@pytest.fixture(scope="module")
def functions(tmp_path_factory) -> Path:
    return export(tmp_path_factory.mktemp("functions"), "positions", "--deployment-target", "iOS18")


@pytest.mark.parametrize(
    ("chosen", "sizes"),
    [
        (ChosenSizes(), [(32, 32)]),
        (ALL, [(32, 32), (20, 24)]),
        (ChosenSizes(((20, 24), (32, 32))), [(20, 24), (32, 32)]),
        (ChosenSizes(((20, 24),)), [(20, 24)]),
    ],
)
@pytest.mark.parametrize("form", ["enumerated", "functions"])
def test_each_chosen_size_is_prepared_with_its_own_samples(request, tmp_path, form, chosen, sizes) -> None:
    prepared = prepare(request.getfixturevalue(form), Blobs(tmp_path / "blobs"), chosen)
    assert [each.subject.size for each in prepared] == sizes
    for each, (height, width) in zip(prepared, sizes, strict=True):
        text = f"{height}x{width}"
        assert [sample.name.split("/")[0] for sample in each.samples] == [text, text]
        assert {tensor.shape for sample in each.samples for tensor in sample.inputs} == {(height, width, 3)}
        assert (each.subject.prefix, each.subject.resolution, each.subject.sizes) == (
            f"{text}/",
            height,
            ((height, width),),
        )
        assert each.function == (None if form == "enumerated" else f"size_{text}")


def test_a_package_of_functions_is_known_by_its_description_alone(functions, tmp_path) -> None:
    """Without the folder around it, its functions are told apart by the sizes of their inputs."""
    alone = Path(shutil.copytree(functions / "net.mlpackage", tmp_path / "net.mlpackage"))
    prepared = prepare(alone, Blobs(tmp_path / "blobs"), ALL)
    assert [(each.subject.size, each.function) for each in prepared] == [
        ((32, 32), "size_32x32"),
        ((20, 24), "size_20x24"),
    ]
    assert {each.subject.no_reference for each in prepared} == {""}
    with pytest.raises(InputError) as refused:
        prepare(alone, Blobs(tmp_path / "blobs"), ChosenSizes(((20, 20),)))
    assert refused.value.remedy.startswith("It takes 32x32, 20x24.")


def test_other_sizes_are_another_campaign(enumerated, store) -> None:
    place = open_place(store)
    queue, plan = JobQueue(place.ledger, Terms()), MeasurementPlan()
    campaigns = [
        enqueue(queue, prepare(enumerated, place.blobs, chosen), plan).id
        for chosen in (ChosenSizes(), ChosenSizes(((20, 24),)), ALL, ChosenSizes(((20, 24),)))
    ]
    assert (len(set(campaigns)), campaigns[1]) == (3, campaigns[3])
    assert len(queue.states(campaigns[2])) == 2
    place.ledger.close()


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (("--sizes", "20x24,64"), "net.mlpackage does not take 64x64", "It takes 32x32, 20x24. `export --flexible`"),
        (("--sizes", "24x20,20"), "net.mlpackage does not take 24x20, 20x20", "It takes 32x32, 20x24."),
        (("--sizes", "big"), "`big` is no resolution", "Write one number of pixels"),
        (("--sizes", ""), "`` is no resolution", "Write one number of pixels"),
    ],
)
def test_a_wrong_size_is_answered_with_the_right_ones(  # noqa: PLR0917
    command, enumerated, tmp_path, arguments, what, remedy
) -> None:
    done = command("bench", enumerated, "--queue", "--store", tmp_path / "own.db", *arguments)
    assert done.code == 2
    assert f"error: {what}\n  where: --sizes\n  remedy: {remedy}" in done.err


def test_a_package_of_one_size_says_so(command, exported, tmp_path) -> None:
    done = command("bench", exported, "--queue", "--store", tmp_path / "own.db", "--sizes", "64")
    assert (done.code, "It takes 32x32. `export --flexible`" in done.err) == (2, True)
    assert command("bench", exported, "--queue", "--store", tmp_path / "own.db", "--sizes", "ALL").code == 0


def test_many_sizes_are_named_in_part_only() -> None:
    taken = SizesTaken(tuple((size, size) for size in range(16, 48)))
    assert str(taken).endswith("26x26, 27x27 …")


def test_every_size_is_measured_and_shown(command, enumerated, tmp_path) -> None:
    right, store = answers(enumerated), tmp_path / "own.db"
    with bench_process(tmp_path / "log", enumerated, "--store", store, "--sizes", "all", *SHORT) as bench:
        phone = bench.phone()
        do(phone, right)
        do(phone, right)
        code, document, told = bench.end()
    assert code == 0
    for size in ("32x32", "20x24"):
        assert f"Zoe's iPhone has reported net.mlpackage at {size}" in told
    assert [each["size"] for each in document["results"]] == [[32, 32], [20, 24]]
    for each in document["results"]:
        height, width = each["size"]
        judged = each["units"][0]["parity"]
        assert [(one["input"].split("/")[0], one["passed"]) for one in judged] == [(f"{height}x{width}", True)] * 2
        assert each["parity_against"] == "original"
    table = command("results", "list", "--store", store).out
    assert "32x32" in table
    assert "20x24" in table
    file = tmp_path / "results.csv"
    assert command("results", "export", file, "--store", store).code == 0
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [(row["model"], row["size"], row["parity_against"], row["equal"]) for row in rows] == [
        ("net", "32x32", "original", "True"),
        ("net", "20x24", "original", "True"),
    ]
    whole = tmp_path / "results.json"
    assert command("results", "export", whole, "--store", store).code == 0
    assert [each["summary"]["size"] for each in json.loads(whole.read_text())["results"]] == [[32, 32], [20, 24]]
    shown = command("results", "show", document["results"][1]["report"], "--store", store)
    assert "net at 20x24 on Zoe's iPhone" in shown.out


def test_what_is_right_at_one_size_is_wrong_at_another(enumerated, tmp_path) -> None:
    right = answers(enumerated)
    other = {name: right[name.replace("20x24", "32x32")] for name in right}
    with bench_process(
        tmp_path / "log", enumerated, "--store", tmp_path / "own.db", "--sizes", "20x24", *SHORT
    ) as bench:
        do(bench.phone(), other)
        code, document, _ = bench.end()
    assert code == 4
    assert not any(each["passed"] for each in document["results"][0]["units"][0]["parity"])
