"""`--precision mixed` through the whole pipeline: float16 with the fewest operators in float32 that parity needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mobiledeploy import mil, pipeline
from mobiledeploy.artifact import file_hashes, open_artifact
from mobiledeploy.errors import ParityError, TargetError, UnsupportedError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.program import TensorType
from mobiledeploy.records import ExportOptions, codec

NETWORKS = Path(__file__).with_name("mixed_networks_of_users.py")
MIXED = ExportOptions(precision="mixed")


def export(name: str, output: Path, options: ExportOptions = MIXED) -> pipeline.ExportResult:
    return pipeline.export(f"{NETWORKS}:{name}", output=output, options=options, name=name)


def in_float32(package: Path) -> list[str]:
    """The operators whose floating values are float32; casts and constants are none."""
    operations = mil.load(package).function.block.operations
    return [
        operation.outputs[0]
        for operation in operations
        if operation.type not in ("const", "cast")
        and any(isinstance(t, TensorType) and t.dtype is DataType.FLOAT32 for t in operation.output_types)
    ]


@pytest.fixture(scope="module")
def attention(tmp_path_factory: pytest.TempPathFactory) -> pipeline.ExportResult:
    return export("attention", tmp_path_factory.mktemp("mixed"))


def test_float16_breaks_it_and_the_message_says_what_helps(tmp_path) -> None:
    with pytest.raises(ParityError) as caught:
        export("attention", tmp_path, ExportOptions())
    assert caught.value.exit_code == 4
    assert "matmul" in str(caught.value.where)
    assert str(caught.value.remedy).startswith("--precision mixed keeps in float32 what float16 cannot hold")
    assert "`diagnose`" in str(caught.value.remedy)
    assert list(tmp_path.iterdir()) == []


def test_the_products_and_the_quotient_are_kept_and_nothing_else(attention: pipeline.ExportResult) -> None:
    (mixed,) = attention.manifest.mixed
    assert [(kept.operator, kept.reason) for kept in mixed.kept] == [
        ("matmul", "range"),
        ("matmul", "range"),
        ("real_div", "range"),
    ]
    assert mixed.minimal
    assert mixed.operators > 15
    assert in_float32(attention.folder / "attention.mlpackage") == [kept.output for kept in mixed.kept]


def test_the_manifest_tells_the_lines_without_this_machine(attention: pipeline.ExportResult) -> None:
    (mixed,) = attention.manifest.mixed
    line = next(
        number
        for number, text in enumerate(NETWORKS.read_text(encoding="utf-8").splitlines(), start=1)
        if "x = (q @ state) / (q @ total)" in text
    )
    assert {kept.line for kept in mixed.kept} == {f"{NETWORKS.name}:{line}"}
    assert open_artifact(attention.folder).manifest == attention.manifest
    assert codec.loads(type(attention.manifest), codec.dumps(attention.manifest), where="") == attention.manifest


def test_it_is_proven_and_checked_again_as_mixed(attention: pipeline.ExportResult) -> None:
    (exported,) = attention.proof.parity
    assert (exported.precision, exported.passed, exported.bar_db) == ("mixed", True, 40.0)
    (report,) = pipeline.check(attention.folder)
    assert (report.precision, report.passed) == ("mixed", True)
    assert report.psnr_db == pytest.approx(exported.psnr_db, abs=1.0)


def test_the_same_bytes_again(attention: pipeline.ExportResult, tmp_path) -> None:
    again = export("attention", tmp_path)
    assert file_hashes(again.folder) == file_hashes(attention.folder)
    assert (again.folder / "manifest.json").read_bytes() == (attention.folder / "manifest.json").read_bytes()


def test_the_number_of_threads_changes_nothing(attention: pipeline.ExportResult, tmp_path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        other = export("attention", tmp_path)
        assert torch.get_num_threads() == (1 if before > 1 else 2)
    finally:
        torch.set_num_threads(before)
    assert other.manifest == attention.manifest


def test_a_classifier_with_labels_is_mixed_like_any_other(tmp_path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcdefghijkl") + "\n")
    result = export("attention", tmp_path, ExportOptions(precision="mixed", labels=str(labels)))
    (mixed,) = result.manifest.mixed
    assert [kept.operator for kept in mixed.kept] == ["matmul", "matmul", "real_div"]


def test_a_mixture_has_a_decibel_to_spare(tmp_path) -> None:
    """Where rounding is the cause; on another machine it would not be the same."""
    half = export("harmless", tmp_path / "half", ExportOptions()).proof.parity[0].psnr_db
    bar = half + 3.0
    result = export("harmless", tmp_path / "mixed", ExportOptions(precision="mixed", min_psnr=bar))
    (mixed,) = result.manifest.mixed
    assert 0 < len(mixed.kept) < mixed.operators
    assert {kept.reason for kept in mixed.kept} == {"rounding"}
    assert result.proof.parity[0].psnr_db >= bar + 0.5


def test_a_model_that_needs_nothing_is_float16_byte_for_byte(tmp_path) -> None:
    mixed, half = export("harmless", tmp_path / "mixed"), export("harmless", tmp_path / "half", ExportOptions())
    assert mixed.manifest.files == half.manifest.files
    (found,) = mixed.manifest.mixed
    assert (found.kept, found.minimal) == ((), True)
    assert mixed.proof.parity[0].precision == "float16"


def test_a_weight_beyond_float16_is_kept_where_it_is_refused_otherwise(tmp_path) -> None:
    with pytest.raises(TargetError, match="beyond float16's largest number"):
        export("wide", tmp_path, ExportOptions())
    result = export("wide", tmp_path)
    (found,) = result.manifest.mixed
    assert [(kept.operator, kept.output, kept.reason) for kept in found.kept] == [("conv", "conv2d_1", "range")]
    assert in_float32(result.folder / "wide.mlpackage") == ["conv2d_1"]
    assert result.proof.parity[0].precision == "mixed"


def test_where_no_mixture_suffices_the_message_names_what_was_tried(tmp_path) -> None:
    with pytest.raises(ParityError, match=r"with all of the \d+ operators in float32 the PSNR is") as caught:
        export("attention", tmp_path, ExportOptions(precision="mixed", min_psnr=1000.0))
    assert "the bar is 1000 dB" in caught.value.what
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"targets": ("coreml", "onnx")}, {"flexible": ((32, 32), (48, 48))}])
def test_what_cannot_be_mixed_is_refused_before_any_work(tmp_path, options) -> None:
    with pytest.raises(UnsupportedError, match="mixed precision is found for"):
        pipeline.export("no such model", output=tmp_path, options=ExportOptions(precision="mixed", **options))


def test_efficientvit_keeps_one_attention_of_two(tmp_path) -> None:
    """Its linear attention sums to 7.2e4, as its authors knew: they compute it in float32."""
    options = ExportOptions(weights="random", precision="mixed")
    result = pipeline.export("efficientvit_b0", output=tmp_path, options=options)
    (mixed,) = result.manifest.mixed
    assert [kept.operator for kept in mixed.kept] == ["matmul", "slice_by_index", "real_div"]
    assert {kept.reason for kept in mixed.kept} == {"range"}
    assert mixed.minimal
    assert result.proof.parity[0].psnr_db > 50.0
