"""Records to JSON and back, and every way in which a document can be no record."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobiledeploy.errors import PackageError
from mobiledeploy.records import (
    Divergence,
    ExportOptions,
    GraphCost,
    InputSpec,
    Manifest,
    OutputParity,
    ParityClaim,
    ParityReport,
    Preprocessing,
    Proof,
    RefusalRecord,
    RewriteLog,
    RuleRecord,
    SourceRecord,
    WeightsRecord,
    codec,
)

COST = GraphCost(3, 4, 5)
LOG = RewriteLog(
    (RuleRecord("merge-branches", "exact", 2, (RefusalRecord("why", "add_3", "net.py:4"),), COST, COST, None),),
    COST,
    COST,
    None,
)
MANIFEST = Manifest(
    name="net",
    source=SourceRecord("zoo", "net", "net", "net (timm 1)", 7, WeightsRecord("random", "0" * 64, seed=3)),
    options=ExportOptions(resolution=(32, 64), skip=("fold-scales",)),
    inputs=(
        InputSpec("image", (1, 3, 32, 64), kind="image", preprocessing=Preprocessing((0.5,), (0.25,), "GRAYSCALE")),
    ),
    outputs=("logits",),
    capture="torch.export",
    rewrite=LOG,
    parity=(ParityClaim("net.mlpackage", "mil", "float16", 40.0, ("natural",), ("logits",)),),
    versions={"torch": "2.13.0"},
    files={"net.mlpackage/Manifest.json": "ab"},
)
OUTPUT = OutputParity("natural", "logits", math.inf, 0.0, 0.0, 1.0, top1=True, top5=1.0)
REPORT = ParityReport(
    "net.mlpackage", "mil", "float16", 40.0, -math.inf, False, (OUTPUT,), Divergence("mul", "mul_1", 1.0, 60.0)
)
PROOF = Proof({"machine": "x86_64"}, 1e-15, {"merge-branches": 1e-16}, (REPORT,))


@pytest.mark.parametrize("record", [MANIFEST, PROOF, REPORT, ExportOptions()])
def test_a_record_comes_back_equal_from_its_json(record: object) -> None:
    assert codec.loads(type(record), codec.dumps(record), where="test") == record


def test_the_same_record_gives_the_same_bytes_whatever_the_order_of_construction() -> None:
    copy = replace(MANIFEST, **{f.name: getattr(MANIFEST, f.name) for f in reversed(fields(MANIFEST))})
    assert codec.dumps(copy) == codec.dumps(MANIFEST)


def test_infinity_and_nan_are_written_as_names_that_every_json_reader_takes() -> None:
    report = replace(REPORT, psnr_db=math.nan)
    document = json.loads(codec.dumps(report), parse_constant=lambda name: pytest.fail(f"bare {name}"))
    assert document["psnr_db"] == "nan"
    assert document["outputs"][0]["psnr_db"] == "inf"
    assert math.isnan(codec.decode(ParityReport, document, where="test").psnr_db)


def test_unknown_fields_of_a_later_minor_writer_are_passed_over() -> None:
    document = codec.encode(MANIFEST) | {"mood": "good"}
    assert codec.decode(Manifest, document, where="test") == MANIFEST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("schema"), "no `schema` field; expected mobiledeploy.manifest/1"),
        (lambda d: d.update(schema="other/1"), "schema is other/1; expected mobiledeploy.manifest/1"),
        (lambda d: d.update(schema="mobiledeploy.manifest/2"), "is newer than mobiledeploy.manifest/1"),
        (lambda d: d.update(schema="mobiledeploy.manifest/x"), "expected mobiledeploy.manifest/1"),
        (lambda d: d.pop("name"), "field `name` is missing"),
        (lambda d: d.update(name=3), "expected a str, found 3"),
        (lambda d: d.update(outputs="logits"), "expected a list, found 'logits'"),
        (
            lambda d: d["source"].update(kind="attic"),
            "expected one of 'zoo', 'factory', 'pt2', 'torchvision', 'features', found 'attic'",
        ),
        (lambda d: d["source"].update(parameters=True), "expected a whole number, found True"),
        (lambda d: d["options"].update(resolution=[1, 2, 3]), "expected a list of 2"),
        (lambda d: d.update(files=[]), "expected an object"),
        (lambda d: d["rewrite"].update(before=None), "expected an object"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_with_the_reason(change, message: str) -> None:
    document = codec.encode(MANIFEST)
    change(document)
    with pytest.raises(PackageError) as refusal:
        codec.decode(Manifest, document, where="manifest.json")
    assert message in refusal.value.what
    assert refusal.value.where is not None
    assert refusal.value.where.startswith("manifest.json")


def test_a_refusal_names_the_path_of_the_field() -> None:
    document = codec.encode(MANIFEST)
    document["inputs"][0]["shape"] = [1, "three"]
    with pytest.raises(PackageError) as refusal:
        codec.decode(Manifest, document, where="manifest.json")
    assert refusal.value.where == "manifest.json.inputs[0].shape[1]"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"x"', "\x00"])
def test_text_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(PackageError):
        codec.loads(Manifest, text, where="manifest.json")


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot read"):
        codec.read(Manifest, tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PackageError, match="cannot read"):
        codec.read(Manifest, tmp_path / "manifest.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(field=st.sampled_from([f.name for f in fields(Manifest)]), value=JSON)
def test_any_json_in_any_field_is_taken_or_refused_but_never_crashes(field: str, value: object) -> None:
    document = codec.encode(MANIFEST) | {field: value}
    try:
        record = codec.decode(Manifest, document, where="manifest.json")
    except PackageError:
        return
    assert codec.decode(Manifest, codec.encode(record), where="again") == record
