"""An approximated export: equal to what was asked for, and honest about its distance from the original."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mobiledeploy import mil, pipeline
from mobiledeploy.errors import ParityError
from mobiledeploy.parity import reference
from mobiledeploy.records import ExportOptions

MODEL = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    pretrained_cfg = {"input_size": (3, 32, 32), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.block = nn.Conv2d(16, 16, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = F.hardswish(self.stem(x))
        x = self.block(x)
        x = x * F.relu6(x + 3) / 6
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "net.py"
    path.write_text(MODEL)
    return f"{path}:Net"


@pytest.fixture(scope="module")
def exported(network: str, tmp_path_factory: pytest.TempPathFactory) -> pipeline.ExportResult:
    options = ExportOptions(
        targets=("coreml", "onnx"), substitute=("hardswish=gelu", "mish=silu"), output_names=("scores",)
    )
    return pipeline.export(network, output=tmp_path_factory.mktemp("exports"), options=options, name="net")


def test_both_packages_equal_the_approximated_model_and_tell_their_drift(exported: pipeline.ExportResult) -> None:
    assert [report.artifact for report in exported.proof.parity] == ["net.mlpackage", "net.onnx"]
    for report in exported.proof.parity:
        assert report.passed
        assert report.psnr_db >= 40
        assert [(output.input, output.output) for output in report.drift] == [
            ("grace_hopper", "scores"),
            ("natural", "scores"),
        ]
        assert all(20 < output.psnr_db < 45 for output in report.drift)
        assert all(output.top1 is not None for output in report.drift)


def test_the_package_holds_the_substitute(exported: pipeline.ExportResult) -> None:
    types = [operation.type for operation in mil.load(exported.folder / "net.mlpackage").function.block.operations]
    assert types.count("gelu") == 2
    assert "sigmoid_hard" not in types


def test_the_manifest_says_what_was_made_and_why_and_the_proof_how_far(exported: pipeline.ExportResult) -> None:
    first, second = exported.manifest.rewrite.rules[:2]
    assert (first.rule, first.kind, first.matches, first.relative_error) == ("hardswish=gelu", "approximation", 2, None)
    assert "FastViT" in (first.reason or "")
    assert (second.matches, second.warning) == (0, "the model has no mish; its activations: hardswish (2)")
    assert [claim.approximations for claim in exported.manifest.parity] == [("hardswish=gelu",)] * 2
    assert 0.01 < exported.proof.activation_errors["hardswish=gelu"] < 0.3
    assert exported.proof.rewrite_errors["hardswish=gelu"] > 1e-3
    assert exported.proof.rewrite_error <= 1e-9


def test_the_reference_keeps_both_and_check_judges_by_the_right_one(exported: pipeline.ExportResult) -> None:
    kept = reference.load(exported.folder / "reference.npz")
    assert len(kept.originals) == len(kept.outputs) == 2
    reports = pipeline.check(exported.folder)
    assert [report.drift for report in reports] == [report.drift for report in exported.proof.parity]
    assert all(report.passed for report in reports)


def test_check_on_other_pictures_approximates_the_original_again(
    exported: pipeline.ExportResult, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(network.rpartition(":")[0]).parent)
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "gradient.png")
    for report in pipeline.check(exported.folder, images=tmp_path):
        assert report.passed
        assert "gradient.png" in {output.input for output in report.drift}
        assert report.psnr_db > 40 > min(output.psnr_db for output in report.drift)


def test_a_drift_beyond_its_bound_writes_nothing(network: str, tmp_path: Path) -> None:
    options = ExportOptions(substitute=("hardswish=gelu",), min_drift_psnr=60.0)
    with pytest.raises(ParityError, match="the approximations leave output `logits`") as failure:
        pipeline.export(network, output=tmp_path / "out", options=options)
    assert failure.value.where == "--min-drift-psnr"
    assert not (tmp_path / "out").exists()


def test_within_its_bound_it_is_written_and_check_holds_it_to_that(network: str, tmp_path: Path) -> None:
    options = ExportOptions(substitute=("hardswish=gelu",), min_drift_psnr=20.0, precision="float32")
    result = pipeline.export(network, output=tmp_path, options=options)
    assert result.proof.parity[0].psnr_db >= 90
    assert pipeline.check(result.folder)[0].passed


def test_the_two_activations_differ_by_what_the_proof_says() -> None:
    x = torch.linspace(-6, 6, 100_001, dtype=torch.float64)
    assert float((F.hardswish(x) - F.gelu(x)).abs().max()) == pytest.approx(0.2952, abs=1e-3)
