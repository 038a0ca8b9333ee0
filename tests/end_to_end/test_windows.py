"""Networks with nn.Unfold, F.fold and Tensor.unfold reach both targets, equal to the original."""

from __future__ import annotations

from pathlib import Path

import pytest
from window_networks import NETWORKS

from mobiledeploy import pipeline
from mobiledeploy.records import ExportOptions

FILE = Path(__file__).with_name("window_networks.py")


@pytest.mark.parametrize("name", NETWORKS)
def test_both_targets_equal_the_original(name: str, tmp_path: Path) -> None:
    options = ExportOptions(targets=("coreml", "onnx"), weights="auto", precision="float32")
    result = pipeline.export(f"{FILE}:{name}", output=tmp_path, options=options)
    assert len(result.proof.parity) == 2
    for report in result.proof.parity:
        assert report.psnr_db >= 90, report.artifact


def test_a_soft_split_is_a_convolution_of_few_weights(tmp_path: Path) -> None:
    """A dense one-hot kernel would have 3·147·49 and 16·144·9 weights, one per channel has 147·49 and 144·9."""
    result = pipeline.export(f"{FILE}:soft_split", output=tmp_path, options=ExportOptions(weights="auto"))
    trained = sum(parameter.numel() for parameter in NETWORKS["soft_split"]().parameters())
    weights = next(result.folder.rglob("weight.bin")).stat().st_size
    assert weights < 2 * (trained + 147 * 49 + 144 * 9) * 1.05 + 4096
