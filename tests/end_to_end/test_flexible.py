"""One package for several sizes through the whole pipeline: made, executed and held against PyTorch at each."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mobiledeploy import mil, pipeline
from mobiledeploy.artifact import open_artifact
from mobiledeploy.cli import main
from mobiledeploy.errors import ParityError
from mobiledeploy.parity import reference
from mobiledeploy.records import ExportOptions
from mobiledeploy.targets.coreml_size_operations import SizeOperations

NETWORKS = Path(__file__).with_name("flexible_networks.py")
SIZES = ((32, 32), (20, 20), (24, 40))
NAMES = ["32x32", "20x20", "24x40"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> pipeline.ExportResult:
    """24x40 is no square."""
    options = ExportOptions(flexible=((20, 20), (32, 32), (24, 40)))
    return pipeline.export(f"{NETWORKS}:blocks", output=tmp_path_factory.mktemp("exports"), options=options, name="net")


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> pipeline.ExportResult:
    options = ExportOptions(flexible=((20, 20), (32, 32)), deployment_target="iOS18")
    folder = tmp_path_factory.mktemp("exports")
    return pipeline.export(f"{NETWORKS}:positions", output=folder, options=options, name="net")


def test_the_manifest_says_which_sizes_in_which_form_and_why(exported, functions) -> None:
    (one,) = exported.manifest.flexible
    assert (one.artifact, one.form, one.sizes, one.functions) == ("net.mlpackage", "enumerated", SIZES, ())
    assert one.reason == "the programs of all sizes differ in sizes only"
    assert exported.manifest.inputs[0].shape == (1, 3, 32, 32), "the model's own size is the default"
    (several,) = functions.manifest.flexible
    assert (several.form, several.functions) == ("functions", ("size_32x32", "size_20x20"))
    assert several.reason.startswith("the constant `")
    assert open_artifact(exported.folder).manifest == exported.manifest
    assert open_artifact(functions.folder).manifest == functions.manifest


def test_every_size_is_executed_and_reported(exported) -> None:
    reports = exported.proof.parity
    assert [report.size for report in reports] == list(SIZES)
    assert all(report.passed and report.psnr_db >= 40 for report in reports)
    assert [output.input for report in reports for output in report.outputs] == [
        f"{size}/{sample}" for size in NAMES for sample in ("grace_hopper", "natural")
    ]
    assert [(claim.size, claim.samples[0]) for claim in exported.manifest.parity] == [
        (size, f"{name}/grace_hopper") for size, name in zip(SIZES, NAMES, strict=True)
    ]


def test_features_resized_at_one_size_only_are_captured_and_not_frozen(tmp_path) -> None:
    options = ExportOptions(flexible=((32, 32), (18, 18), (26, 22)), precision="float32")
    result = pipeline.export(f"{NETWORKS}:blocks", output=tmp_path, options=options)
    assert result.manifest.flexible[0].form == "enumerated"
    assert all(report.psnr_db >= 100 for report in result.proof.parity)


def test_check_executes_every_size_again_without_the_model(exported, functions) -> None:
    for result in (exported, functions):
        reports = pipeline.check(result.folder)
        assert [report.size for report in reports] == [report.size for report in result.proof.parity]
        assert [report.psnr_db for report in reports] == [report.psnr_db for report in result.proof.parity]


def test_under_core_ml_every_size_is_asked_of_its_own_function(functions, monkeypatch) -> None:
    from mobiledeploy.targets.coreml_library import ct

    opened = []

    class StandIn:
        def __init__(self, path: str, compute_units: object, function_name: str | None) -> None:
            opened.append(function_name)
            self.predict = mil.load(path, function_name).predict

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ct.models, "MLModel", StandIn)
    reports = pipeline.check(functions.folder, runner="coreml")
    assert opened == ["size_32x32", "size_20x20"]
    assert [(report.runner, report.passed) for report in reports] == [("coreml", True)] * 2


def test_check_with_pictures_runs_the_original_at_every_size(exported, tmp_path, monkeypatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    monkeypatch.chdir(NETWORKS.parent)
    reports = pipeline.check(exported.folder, images=tmp_path)
    assert [report.outputs[-1].input for report in reports] == [f"{size}/noise.png" for size in NAMES]
    assert all(report.passed for report in reports)


def test_the_reference_holds_the_samples_of_every_size(exported) -> None:
    found = reference.load(exported.folder / "reference.npz")
    shapes = {sample.name: sample.arrays["image"].shape for sample in found.samples}
    assert shapes["24x40/natural"] == (24, 40, 3)
    assert len(shapes) == 2 * len(SIZES)


def test_junit_and_tables_name_the_size(exported, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["check", str(exported.folder), "--junit", str(tmp_path / "parity.xml")]) == 0
    suites = ElementTree.parse(tmp_path / "parity.xml").getroot()
    assert [suite.get("name") for suite in suites] == [f"net.mlpackage at {size} under mil" for size in NAMES]
    printed = capsys.readouterr().out
    assert all(f"net.mlpackage at {size}" in printed for size in NAMES)


def test_run_takes_a_picture_of_any_size_at_the_default_one(exported, functions, tmp_path) -> None:
    Image.new("RGB", (64, 48), (200, 120, 40)).save(tmp_path / "picture.png")
    for result in (exported, functions):
        outputs = pipeline.run(result.folder, image=tmp_path / "picture.png").outputs
        assert {name: output.shape for name, output in outputs.items()} == {"logits": (1, 7)}


def test_the_command_line_makes_it_in_one_json_document(tmp_path, capsys) -> None:
    command = ["export", f"{NETWORKS}:scaled", "--flexible", "32,48x40", "--resolution", "48x40", "--json"]
    assert main([*command, "--output", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["manifest"]["flexible"][0]["sizes"] == [[48, 40], [32, 32]]
    assert [report["size"] for report in document["proof"]["parity"]] == [[48, 40], [32, 32]]


def test_approximations_drift_at_every_size(tmp_path) -> None:
    options = ExportOptions(flexible=((32, 32), (24, 24)), substitute=("relu=gelu",))
    result = pipeline.export(f"{NETWORKS}:blocks", output=tmp_path, options=options)
    assert [len(report.drift) for report in result.proof.parity] == [2, 2]
    assert [report.psnr_db for report in pipeline.check(result.folder)] == [r.psnr_db for r in result.proof.parity]


def test_a_package_that_freezes_what_one_size_needs_is_caught(tmp_path, monkeypatch) -> None:
    """The silent error of a flexible-shape trace: right at the size it was made at, wrong at another."""
    right = SizeOperations.selected
    monkeypatch.setattr(SizeOperations, "selected", lambda self, arrays: right(self, [arrays[0]] * len(arrays)))
    options = ExportOptions(flexible=((32, 32), (48, 48)))
    with pytest.raises(ParityError) as caught:
        pipeline.export(f"{NETWORKS}:scaled", output=tmp_path, options=options)
    assert "output `logits` on 48x48/grace_hopper" in (caught.value.where or "")
    assert list(tmp_path.iterdir()) == []


def test_a_function_that_fails_is_named_by_its_size_and_its_first_diverging_operator(tmp_path) -> None:
    options = ExportOptions(flexible=((24, 24), (32, 32)), deployment_target="iOS18", resolution=(24, 24))
    with pytest.raises(ParityError) as caught:
        pipeline.export(f"{NETWORKS}:overflow", output=tmp_path, options=options)
    where = caught.value.where or ""
    assert "output `logits` on 24x24/grace_hopper; first at " in where
    assert "flexible_networks.py:" in where


def test_a_size_that_is_not_among_them_is_refused_by_the_package(exported) -> None:
    model = mil.load(exported.folder / "net.mlpackage")
    assert model.inputs[0].enumerated == tuple((*size, 3) for size in SIZES)


EXPORTS = f"""
from pathlib import Path
from mobiledeploy import ExportOptions, export
for name, target in (("blocks", "iOS16"), ("positions", "iOS18")):
    options = ExportOptions(flexible=((18, 18), (32, 32)), deployment_target=target)
    export({str(NETWORKS)!r} + ":" + name, output=Path("out"), options=options, name=name)
"""


def test_the_same_export_gives_the_same_bytes(tmp_path) -> None:
    found = []
    for seed, threads in (("1", "1"), ("2", "2")):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", EXPORTS], cwd=folder, env=environment, check=True, timeout=300)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "proof.json")
        hashes = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        found.append(hashes)
    assert len(found[0]) >= 10
    assert found[0] == found[1]
