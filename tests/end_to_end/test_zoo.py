"""A fixed sample of the zoo through the whole pipeline; all of it: benchmarks/zoo_parity.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobiledeploy import mil, pipeline
from mobiledeploy.records import ExportOptions


def operators(package: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for operation in mil.load(package).function.block.operations:
        counts[operation.type] = counts.get(operation.type, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("name", "most"), [("fastvit_t8", {"conv": 52, "add": 10}), ("fastvit_sa12", {"conv": 59, "add": 14})]
)
def test_fastvit_from_its_training_form_has_no_more_operators_than_the_authors_own(
    name: str, most: dict[str, int], tmp_path: Path
) -> None:
    result = pipeline.export(name, output=tmp_path, options=ExportOptions(weights="random"))
    counts = operators(result.folder / f"{name}.mlpackage")
    assert "batch_norm" not in counts
    assert all(counts.get(operator, 0) <= limit for operator, limit in most.items())
    assert result.proof.parity[0].psnr_db >= 40
    assert result.proof.rewrite_error <= 1e-9


@pytest.mark.parametrize("name", ["fastvit_t8", "mobilevit_xxs", "mixer_s32_224"])
def test_float32_is_within_90_db(name: str, tmp_path: Path) -> None:
    options = ExportOptions(weights="random", precision="float32")
    result = pipeline.export(name, output=tmp_path, options=options)
    assert result.proof.parity[0].psnr_db >= 90


@pytest.mark.parametrize("name", ["mobilevit_xxs", "mobilevitv2_050", "mixer_s32_224", "mobileone_s0", "convnext_atto"])
def test_float16_is_within_40_db(name: str, tmp_path: Path) -> None:
    result = pipeline.export(name, output=tmp_path, options=ExportOptions(weights="random"))
    assert result.proof.parity[0].psnr_db >= 40
