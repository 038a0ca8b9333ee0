"""`mobiledeploy convert`: what is asked of the pipeline, and what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mobiledeploy.errors import ParityError


@pytest.fixture
def converting(pipeline, monkeypatch):
    """A pipeline that converts to one ONNX file."""

    def convert(package, formats, **options):
        pipeline._enter("convert", (package, tuple(formats)), options)
        file = SimpleNamespace(
            path=Path("tiny.onnx"), format="onnx", size=2**20, sha256="0" * 64, parity=pipeline.report(psnr_db=141.5)
        )
        return (file,)

    import mobiledeploy

    monkeypatch.setattr(mobiledeploy.pipeline, "convert", convert, raising=False)
    return pipeline


def test_options_reach_the_pipeline(command, converting) -> None:
    arguments = ("--to", "ONNX", "--to", "pt2", "--function", "main", "--precision", "declared")
    assert command("convert", "tiny.mlpackage", *arguments).code == 0
    (_, (package, formats), options) = converting.calls[0]
    assert (package, formats) == (Path("tiny.mlpackage"), ("onnx", "pt2"))
    assert (options["output"], options["function"], options["precision"]) == (None, "main", "declared")


def test_without_more_it_is_one_file_in_float32(command, converting) -> None:
    command("convert", "tiny.mlpackage", "--to", "onnx", "--output", "x.onnx")
    (_, _, options) = converting.calls[0]
    assert (options["output"], options["function"], options["precision"]) == (Path("x.onnx"), None, "float32")


def test_each_output_is_shown_with_its_distance(command, converting) -> None:
    outcome = command("convert", "tiny.mlpackage", "--to", "onnx")
    assert outcome.code == 0
    for part in ("logits", "141.5 dB", "1.0e-03", "passed", "tiny.onnx  onnx, 1.0 MiB"):
        assert part in outcome.out


def test_json_holds_files_and_parity(command, converting) -> None:
    (file,) = json.loads(command("convert", "tiny.mlpackage", "--to", "onnx", "--json").out)["files"]
    assert (file["path"], file["format"], file["bytes"], file["sha256"]) == ("tiny.onnx", "onnx", 2**20, "0" * 64)
    assert (file["parity"]["psnr_db"], file["parity"]["outputs"][0]["output"]) == (141.5, "logits")


def test_inequality_is_exit_code_4(command, converting) -> None:
    def fail(progress):
        raise ParityError("tiny.onnx does not compute what the package computes", remedy="Report it.")

    converting.before = fail
    outcome = command("convert", "tiny.mlpackage", "--to", "onnx", "--json")
    assert outcome.code == 4
    assert json.loads(outcome.out)["error"]["kind"] == "ParityError"


def test_a_format_must_be_given_and_known(command, converting) -> None:
    assert "Missing option '--to'" in command("convert", "tiny.mlpackage").err
    outcome = command("convert", "tiny.mlpackage", "--to", "onx")
    assert outcome.code == 2
    assert "`onx` is no format that mobiledeploy knows" in outcome.err
    assert "Did you mean onnx?" in outcome.err
    assert converting.calls == []
