"""A line of a results file, as it stands in files that people keep: the golden one must be read for ever.

A new field with a default keeps the version; a change that an old reader would get wrong makes it 2, and the golden
file of version 1 stays. `MOBILEDEPLOY_RECORD_GOLDEN=1` writes the file anew, and fails, so that nobody does it unseen.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mobiledeploy.records import ExportOptions, GraphCost, SweepRecord, SweepTask, codec

GOLDEN = Path(__file__).parents[1] / "golden" / "sweep-1.jsonl"

PASSED = SweepRecord(
    model="fastvit_t8",
    target="coreml",
    options=ExportOptions(weights="random", resolution=(192, 256)),
    outcome="passed",
    finished="2026-01-02T03:04:05Z",
    parameters=4030000,
    weights="random",
    before=GraphCost(261, 700, 90),
    after=GraphCost(87, 680, 60),
    weight_before=23707340.0,
    weight_after=7571240.0,
    max_rank=4,
    psnr_db=68.3125,
    top1=1.0,
    seconds={"capture": 2.5, "convert coreml": 1.25},
    total_seconds=5.75,
    peak_mebibytes=950.5,
    versions={"python": "3.11.7", "mobiledeploy": "0.1.0", "torch": "2.13.0"},
    conditions={"system": "Linux 6.1", "machine": "x86_64", "cores": "2", "threads": "1"},
)
REFUSED = SweepRecord(
    model="nets.py:swin",
    target="onnx",
    options=ExportOptions(targets=("onnx",), precision="float32"),
    outcome="refused",
    finished="2026-01-02T03:05:06Z",
    files={"nets.py": "ab" * 32},
    reason="convert",
    stage="convert onnx",
    error="TargetError",
    message="onnx cannot convert `aten.foo.default`: é",
    where="foo_1, nets.py:12",
    remedy="Leave it out.",
    operator="aten.foo.default",
    line="nets.py:12",
    psnr_db=None,
    dearer=("bound-rank",),
    versions={"python": "3.11.7"},
)


def lines(*records: SweepRecord) -> str:
    return "".join(json.dumps(codec.encode(record), ensure_ascii=False) + "\n" for record in records)


def test_the_golden_lines_are_what_these_records_become() -> None:
    text = lines(PASSED, REFUSED)
    if os.environ.get("MOBILEDEPLOY_RECORD_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
        pytest.fail(f"{GOLDEN.name} was written; look at the difference")
    assert GOLDEN.read_text(encoding="utf-8") == text


def test_the_golden_lines_are_read_as_these_records() -> None:
    documents = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    assert [codec.decode(SweepRecord, each, where="golden") for each in documents] == [PASSED, REFUSED]


def test_a_record_that_lacks_what_came_later_is_read() -> None:
    needed = {"schema", "model", "target", "options", "outcome", "finished"}
    document = {key: value for key, value in codec.encode(PASSED).items() if key in needed}
    record = codec.decode(SweepRecord, document, where="old")
    assert (record.model, record.psnr_db, record.seconds) == ("fastvit_t8", None, {})


def test_a_record_knows_its_task() -> None:
    assert REFUSED.task == SweepTask("nets.py:swin", REFUSED.options, {"nets.py": "ab" * 32})
    assert REFUSED.task.target == "onnx"
    assert codec.loads(SweepTask, codec.dumps(REFUSED.task), where="task") == REFUSED.task


def test_a_psnr_that_is_no_number_survives() -> None:
    for value in (float("inf"), float("-inf")):
        record = replace(PASSED, psnr_db=value)
        assert codec.loads(SweepRecord, codec.dumps(record), where="test") == record
