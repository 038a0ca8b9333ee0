"""`diagnose` on everything it takes: a model, an exported folder, a package in it, a package of somebody else's."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from mixed_networks_of_users import Harmless

from mobiledeploy import pipeline
from mobiledeploy.errors import InputError, PackageError, UnsupportedError
from mobiledeploy.records import Diagnosis, ExportOptions, codec

NETWORKS = Path(__file__).with_name("mixed_networks_of_users.py")
ATTENTION, HARMLESS = f"{NETWORKS}:attention", f"{NETWORKS}:harmless"


@pytest.fixture(autouse=True)
def beside_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact keeps the name of its source file, not the folder: that must not change the bytes."""
    monkeypatch.chdir(NETWORKS.parent)


@pytest.fixture(scope="module")
def broken() -> Diagnosis:
    """Of a model that float16 breaks: nothing was exported of it."""
    return pipeline.diagnose(ATTENTION)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("diagnosed")
    labels = folder / "labels.txt"
    labels.write_text("\n".join("abcdefghijkl") + "\n")
    wanted = {
        "float32": (ATTENTION, ExportOptions(precision="float32")),
        "mixed": (ATTENTION, ExportOptions(precision="mixed")),
        "float16": (HARMLESS, ExportOptions(labels=str(labels))),
        "onnx": (HARMLESS, ExportOptions(targets=("onnx",))),
        "flexible": (HARMLESS, ExportOptions(flexible=((32, 32), (48, 48)))),
    }
    return {
        name: pipeline.export(model, output=folder, options=options, name=name).folder
        for name, (model, options) in wanted.items()
    }


def kept(found: Diagnosis) -> list[str]:
    assert found.mixed is not None
    return [operator.operator for operator in found.mixed.kept]


def line(text: str) -> str:
    lines = NETWORKS.read_text(encoding="utf-8").splitlines()
    return f"{NETWORKS}:{next(number for number, found in enumerate(lines, start=1) if text in found)}"


def test_the_operator_that_turns_good_values_into_bad_ones_is_first(broken: Diagnosis) -> None:
    first = broken.operators[0]
    assert first.operator == "matmul"
    assert first.psnr_db == -math.inf
    assert first.input_psnr_db > 50.0
    assert first.line == line("x = (q @ state) / (q @ total)")
    assert broken.parity.divergence is not None
    assert first.output == broken.parity.divergence.output


def test_ranges_tell_what_overflows(broken: Diagnosis) -> None:
    beyond = [row for row in broken.operators if row.headroom is not None and row.headroom < 1.0]
    assert [row.operator for row in beyond] == ["matmul", "matmul"]
    assert all(row.largest > 65504 for row in beyond)
    assert {row.rounding_db for row in beyond} == {-math.inf}


def test_it_names_the_smallest_set_and_what_to_do_next(broken: Diagnosis) -> None:
    assert not broken.parity.passed
    assert kept(broken) == ["matmul", "matmul", "real_div"]
    assert broken.mixed.minimal
    assert broken.mixed_db >= 40.0
    assert broken.advice.startswith("Float16 is the cause: export with --precision mixed; 3 of ")
    assert (broken.original, broken.note) == (True, None)


def test_every_operator_of_the_program_is_there_once(broken: Diagnosis) -> None:
    outputs = [row.output for row in broken.operators]
    assert len(outputs) == len(set(outputs)) == broken.mixed.operators


def test_the_record_survives_json(broken: Diagnosis) -> None:
    text = codec.dumps(broken)
    json.loads(text)
    assert codec.loads(Diagnosis, text, where="") == broken


def test_a_float32_artifact_is_told_what_float16_would_take(folders) -> None:
    found = pipeline.diagnose(str(folders["float32"]))
    assert found.parity.passed
    assert found.parity.precision == "float32"
    assert kept(found) == ["matmul", "matmul", "real_div"]
    assert found.advice.startswith("Parity holds. In float16 alone it would not: that takes 3 of ")
    assert not any(row.in_float16 for row in found.operators)


def test_a_mixed_artifact_is_looked_at_as_it_is(folders) -> None:
    found = pipeline.diagnose(str(folders["mixed"] / "mixed.mlpackage"))
    assert (found.parity.precision, found.parity.passed) == ("mixed", True)
    assert [row.operator for row in found.operators if not row.in_float16].count("matmul") == 2
    assert min(row.psnr_db for row in found.operators) > 40.0


def test_a_healthy_classifier_needs_nothing(folders) -> None:
    found = pipeline.diagnose(str(folders["float16"]))
    assert found.parity.passed
    assert kept(found) == []
    assert found.advice == "Parity holds in float16: nothing has to be in float32."
    assert found.original


def test_of_several_sizes_the_default_one_is_looked_at(folders) -> None:
    found = pipeline.diagnose(str(folders["flexible"]))
    assert found.parity.passed
    assert "the default one, 32x32" in str(found.note)


def test_a_foreign_package_is_held_against_itself_and_says_so(folders, tmp_path) -> None:
    package = tmp_path / "foreign.mlpackage"
    shutil.copytree(folders["float16"] / "float16.mlpackage", package)
    found = pipeline.diagnose(str(package))
    assert not found.original
    assert "No export of ours made this package" in str(found.note)
    assert found.parity.passed
    assert {row.line for row in found.operators} == {None}
    assert found.advice == "Parity holds: nothing that is in float16 has to be in float32."


def test_a_foreign_package_that_float16_breaks_has_its_smallest_set(tmp_path, broken: Diagnosis) -> None:
    from mobiledeploy.pipeline.capturing import capture_model
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.progress import SILENT
    from mobiledeploy.targets.table import target_named
    from mobiledeploy.targets.target import ConversionOptions

    captured = capture_model(
        ATTENTION, options=ExportOptions(), rules=(), labels=None, images=None, stages=Stages(SILENT)
    )
    package = tmp_path / "foreign.mlpackage"
    target_named("coreml").convert(captured.rewritten.program, ConversionOptions(), package)
    found = pipeline.diagnose(str(package))
    assert not found.parity.passed
    assert kept(found) == kept(broken)
    assert "FP16ComputePrecision" in found.advice


def test_a_float32_package_of_somebody_else_has_ranges_only(folders, tmp_path) -> None:
    package = tmp_path / "foreign.mlpackage"
    shutil.copytree(folders["float32"] / "float32.mlpackage", package)
    found = pipeline.diagnose(str(package))
    assert found.parity.psnr_db == math.inf
    assert sum(row.headroom < 1.0 for row in found.operators if row.headroom is not None) == 2
    assert found.advice.startswith("It computes in float32")


def test_an_original_that_is_gone_is_said_to_be(tmp_path, monkeypatch) -> None:
    """The recorded reference still is what the original gave."""
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "nets.py"
    source.write_text(NETWORKS.read_text(encoding="utf-8"))
    folder = pipeline.export("nets.py:harmless", output=tmp_path / "out", options=ExportOptions(), name="net").folder
    source.unlink()
    found = pipeline.diagnose(str(folder))
    assert not found.original
    assert str(found.note).startswith("The original cannot be had again (")
    assert found.parity.passed


def test_weights_from_a_file_are_asked_for_and_taken(tmp_path) -> None:
    weights = tmp_path / "weights.pth"
    torch.save(Harmless().state_dict(), weights)
    options = ExportOptions(weights=str(weights))
    folder = pipeline.export(HARMLESS, output=tmp_path, options=options, name="net").folder
    without = pipeline.diagnose(str(folder))
    assert "whose place the artifact does not keep" in str(without.note)
    assert pipeline.diagnose(str(folder), options=options).original


def test_an_onnx_file_is_refused(folders) -> None:
    with pytest.raises(InputError, match="only Core ML programs can be diagnosed"):
        pipeline.diagnose(str(folders["onnx"]))


def test_options_of_a_model_are_refused_for_an_artifact(folders) -> None:
    with pytest.raises(InputError, match="--precision is of models"):
        pipeline.diagnose(str(folders["float16"]), options=ExportOptions(precision="float32"))


def test_a_damaged_artifact_is_no_foreign_package(folders, tmp_path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(folders["float16"], folder)
    (folder / "float16.mlpackage" / "Manifest.json").write_text("{}")
    for subject in (folder, folder / "float16.mlpackage"):
        with pytest.raises(PackageError, match="is not what was exported"):
            pipeline.diagnose(str(subject))


def test_several_sizes_of_a_model_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="several sizes"):
        pipeline.diagnose(ATTENTION, options=ExportOptions(flexible=((32, 32), (48, 48))))
