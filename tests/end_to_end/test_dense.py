"""Dense prediction through the command line: segmentation, a detector without its suppression, feature maps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mobiledeploy import mil
from mobiledeploy.cli import main
from mobiledeploy.parity import reference

SEGMENTATION = "torchvision.models.segmentation:lraspp_mobilenet_v3_large"
DEEPLAB = "torchvision.models.segmentation:deeplabv3_mobilenet_v3_large"
DETECTOR = "torchvision.models.detection:ssdlite320_mobilenet_v3_large"


@dataclass(frozen=True)
class Exported:
    folder: Path
    document: dict[str, Any]

    @property
    def outputs(self) -> list[str]:
        return list(self.document["manifest"]["outputs"])

    def measured(self) -> list[dict[str, Any]]:
        return [output for report in self.document["proof"]["parity"] for output in report["outputs"]]


@pytest.fixture
def export(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(model: str, *arguments: str) -> Exported:
        text = ["export", model, "--weights", "random", "--output", str(tmp_path), "--json", *arguments]
        code = main(text)
        document = json.loads(capsys.readouterr().out)
        assert code == 0, document
        return Exported(Path(document["folder"]), document)

    return run


def test_segmentation_for_both_targets_agrees_pixel_by_pixel(export) -> None:
    found = export(SEGMENTATION, "--resolution", "64", "--target", "coreml", "--target", "onnx")
    assert found.outputs == ["out"]
    assert {path.suffix for path in found.folder.iterdir()} >= {".mlpackage", ".onnx"}
    for output in found.measured():
        assert output["psnr_db"] >= 40
        # The 21 scores of random weights lie close together; 0.97 is reached.
        assert 0.9 < output["pixels"] <= 1
        assert output["top1"] is None
    kept = reference.load(found.folder / "reference.npz")
    assert kept.outputs[0]["out"].shape == (1, 21, 64, 64)
    assert main(["check", str(found.folder)]) == 0


def test_names_given_to_a_segmentations_outputs_are_those_of_the_package(export) -> None:
    found = export(DEEPLAB, "--resolution", "64", "--output-names", "classes,helper")
    assert found.outputs == ["classes", "helper"]
    model = mil.load(found.folder / "deeplabv3_mobilenet_v3_large.mlpackage")
    assert [feature.name for feature in model.outputs] == ["classes", "helper"]
    assert found.document["manifest"]["options"]["output_names"] == ["classes", "helper"]


def test_a_detector_gives_boxes_and_scores_for_both_targets(export) -> None:
    found = export(DETECTOR, "--resolution", "96", "--target", "coreml", "--target", "onnx")
    assert found.outputs == ["boxes", "scores"]
    kept = reference.load(found.folder / "reference.npz")
    boxes, scores = kept.outputs[0]["boxes"], kept.outputs[0]["scores"]
    assert (boxes.shape[0], boxes.shape[2], scores.shape[2]) == (1, 4, 91)
    assert boxes.shape[1] == scores.shape[1] == 312
    assert boxes.min() >= 0
    assert boxes.max() <= 96
    assert all(output["psnr_db"] >= 40 for output in found.measured())
    # Anchors depend on no input: what is left of them are constants.
    block = mil.load(found.folder / f"{found.folder.name}.mlpackage").function.block
    assert not {operation.type for operation in block.operations} & {"range_1d", "fill", "shape"}


def test_feature_maps_have_stable_names(export) -> None:
    found = export("mobilenetv3_small_050:features", "--resolution", "64", "--target", "coreml", "--target", "onnx")
    assert found.outputs == [f"feature_{index}" for index in range(5)]
    assert found.folder.name == "mobilenetv3_small_050_features"
    assert all(output["psnr_db"] >= 40 for output in found.measured())
    assert all(output["pixels"] is None for output in found.measured())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DEEPLAB, "--output-names", "classes"), "1 name for 2 outputs"),
        ((SEGMENTATION, "--labels", "imagenet"), "1000 labels for an output of shape 1x21x64x64"),
        (
            ("torchvision.models.detection:fasterrcnn_mobilenet_v3_large_320_fpn",),
            "FasterRCNN has two stages: it chooses regions by their scores in its middle, which no static graph can "
            "hold",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_error(arguments, message, tmp_path, capsys) -> None:
    model, *rest = arguments
    text = ["export", model, "--weights", "random", "--resolution", "64", "--output", str(tmp_path / "out"), "--json"]
    assert main([*text, *rest]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["what"] == message
    assert not (tmp_path / "out").exists()
