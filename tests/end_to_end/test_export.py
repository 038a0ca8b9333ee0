"""Small models through the whole pipeline, in this process."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobiledeploy import mil, pipeline
from mobiledeploy.artifact import open_artifact
from mobiledeploy.errors import CaptureError, InputError, PackageError, ParityError
from mobiledeploy.parity import reference
from mobiledeploy.records import ExportOptions, codec

NETWORKS = Path(__file__).with_name("networks.py")


def operators(package: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for operation in mil.load(package).function.block.operations:
        counts[operation.type] = counts.get(operation.type, 0) + 1
    return counts


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> pipeline.ExportResult:
    """The classifier for both targets, with labels."""
    folder = tmp_path_factory.mktemp("exports")
    labels = folder / "labels.txt"
    labels.write_text("\n".join(["ant", "bee", "cat", "dog", "eel", "fox", "gnu"]) + "\n")
    options = ExportOptions(targets=("coreml", "onnx"), weights="random", labels=str(labels))
    return pipeline.export(f"{NETWORKS}:classifier", output=folder, options=options, name="classifier")


def test_the_folder_holds_both_packages_the_reference_and_the_manifest(exported: pipeline.ExportResult) -> None:
    names = {path.name for path in exported.folder.iterdir()}
    assert names == {"classifier.mlpackage", "classifier.onnx", "manifest.json", "proof.json", "reference.npz"}
    assert open_artifact(exported.folder).manifest == exported.manifest


def test_every_branch_became_a_part_of_one_convolution(exported: pipeline.ExportResult) -> None:
    counts = operators(exported.folder / "classifier.mlpackage")
    assert counts["conv"] == 3
    assert "batch_norm" not in counts


def test_both_targets_pass_on_the_photograph_and_the_seeded_picture(exported: pipeline.ExportResult) -> None:
    reports = {report.artifact: report for report in exported.proof.parity}
    assert set(reports) == {"classifier.mlpackage", "classifier.onnx"}
    assert reports["classifier.mlpackage"].psnr_db >= 40
    assert {output.input for output in reports["classifier.mlpackage"].outputs} == {"grace_hopper", "natural"}


def test_check_judges_both_packages_again_without_the_model(exported: pipeline.ExportResult) -> None:
    reports = pipeline.check(exported.folder)
    assert [report.artifact for report in reports] == ["classifier.mlpackage", "classifier.onnx"]
    assert all(report.passed for report in reports)


def test_check_of_one_package_judges_that_one(exported: pipeline.ExportResult) -> None:
    reports = pipeline.check(exported.folder / "classifier.onnx")
    assert [report.artifact for report in reports] == ["classifier.onnx"]


def test_run_names_the_best_classes(exported: pipeline.ExportResult, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(picture)
    result = pipeline.run(exported.folder, image=picture, top=3)
    labels = [label for label, _ in result.top]
    scores = [score for _, score in result.top]
    assert len(labels) == 3
    assert set(labels) < {"ant", "bee", "cat", "dog", "eel", "fox", "gnu"}
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 1


def test_a_wrong_weight_in_the_package_is_found_by_check(exported: pipeline.ExportResult, tmp_path: Path) -> None:
    recorded = reference.load(exported.folder / "reference.npz")
    shifted = [{name: value + 0.1 for name, value in outputs.items()} for outputs in recorded.outputs]
    wrong = reference.Reference(recorded.samples, tuple(shifted))
    report = pipeline.checking.check_parity(
        exported.folder / "classifier.mlpackage",
        wrong,
        exported.manifest.inputs,
        runner="mil",
        precision="float16",
    )
    assert not report.passed


def test_tensor_input_takes_what_the_model_takes(tmp_path: Path) -> None:
    options = ExportOptions(weights="auto", input_type="tensor", precision="float32")
    result = pipeline.export(f"{NETWORKS}:two_heads", output=tmp_path, options=options)
    assert [spec.kind for spec in result.manifest.inputs] == ["tensor"]
    assert result.manifest.outputs == ("logits", "mask")
    assert result.proof.parity[0].psnr_db >= 90


def test_fp16_overflow_fails_parity_names_the_operator_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ParityError) as failure:
        pipeline.export(f"{NETWORKS}:overflow", output=tmp_path / "out", options=ExportOptions(weights="auto"))
    assert failure.value.exit_code == 4
    assert failure.value.where is not None
    assert "networks.py" in failure.value.where
    assert not (tmp_path / "out").exists()


def test_the_same_model_passes_in_float32(tmp_path: Path) -> None:
    options = ExportOptions(weights="auto", precision="float32")
    result = pipeline.export(f"{NETWORKS}:overflow", output=tmp_path, options=options)
    assert result.proof.parity[0].psnr_db >= 90


def test_an_image_input_without_known_preprocessing_is_refused(tmp_path: Path) -> None:
    options = ExportOptions(weights="auto", input_type="image")
    with pytest.raises(InputError, match="nobody knows how"):
        pipeline.export(f"{NETWORKS}:two_heads", output=tmp_path / "out", options=options)
    assert not (tmp_path / "out").exists()


def test_a_model_that_draws_random_numbers_is_refused(tmp_path: Path) -> None:
    network = tmp_path / "noisy.py"
    network.write_text(
        "import torch\n"
        "class Noisy(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x.mean((2, 3)) + torch.rand(1, 3)\n"
    )
    with pytest.raises(CaptureError, match="random numbers"):
        pipeline.export(f"{network}:Noisy", output=tmp_path / "out", options=ExportOptions(weights="auto"))
    assert not (tmp_path / "out").exists()


def test_run_refuses_a_package_whose_weights_were_altered(exported: pipeline.ExportResult, tmp_path: Path) -> None:
    copy = tmp_path / "classifier"
    shutil.copytree(exported.folder, copy)
    weights = next(copy.rglob("weight.bin"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    picture = tmp_path / "picture.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(picture)
    for path in (copy, copy / "classifier.mlpackage"):
        with pytest.raises(PackageError, match="is not what was exported"):
            pipeline.run(path, image=picture)


def test_run_executes_the_onnx_file_on_the_same_picture(exported: pipeline.ExportResult, tmp_path: Path) -> None:
    picture, path = tmp_path / "picture.png", exported.folder / "classifier.onnx"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(picture)
    package = pipeline.run(exported.folder, image=picture, top=7)
    result = pipeline.run(path, image=picture, top=7, repeat=2)
    assert [score for _, score in result.top] == pytest.approx([score for _, score in package.top], abs=0.01)
    with pytest.raises(InputError, match=r"classifier\.onnx has no functions"):
        pipeline.run(path, image=picture, function="main")
    with pytest.raises(InputError, match=r"classifier\.onnx runs in the types that it declares"):
        pipeline.run(path, image=picture, precision="float32")
    np.savez(tmp_path / "wrong.npz", **{exported.manifest.inputs[0].name: np.zeros((8, 8, 3), np.uint8)})
    with pytest.raises(InputError, match=r"its shape is \(8, 8, 3\)"):
        pipeline.run(path, pipeline.GivenInputs(archive=tmp_path / "wrong.npz"))


def test_run_takes_a_package_of_anybody(exported: pipeline.ExportResult, tmp_path: Path) -> None:
    package = tmp_path / "anybody.mlpackage"
    shutil.copytree(exported.folder / "classifier.mlpackage", package)
    picture = tmp_path / "picture.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(picture)
    assert len(pipeline.run(package, image=picture).top) == 5


def test_check_under_one_runner_judges_what_it_executes(exported: pipeline.ExportResult) -> None:
    reports = pipeline.check(exported.folder, runner="onnxruntime")
    assert [report.artifact for report in reports] == ["classifier.onnx"]
    with pytest.raises(InputError, match=r"onnxruntime executes \.onnx packages, not classifier\.mlpackage"):
        pipeline.check(exported.folder / "classifier.mlpackage", runner="onnxruntime")


def test_check_of_a_package_that_the_manifest_claims_nothing_of_is_refused(
    exported: pipeline.ExportResult, tmp_path: Path
) -> None:
    copy = tmp_path / "classifier"
    shutil.copytree(exported.folder, copy)
    (copy / "manifest.json").write_text(codec.dumps(replace(exported.manifest, parity=())), encoding="utf-8")
    with pytest.raises(PackageError, match="claims nothing of"):
        pipeline.check(copy)
