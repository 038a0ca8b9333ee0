"""`mobiledeploy export`: arguments to options, and the result on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobiledeploy.records import ExportOptions


def test_defaults_are_those_of_the_options_record(command, pipeline) -> None:
    outcome = command("export", "tiny")
    assert outcome.code == 0
    (name, arguments, options) = pipeline.calls[0]
    assert (name, arguments) == ("export", ("tiny",))
    assert options["options"] == ExportOptions()
    assert (options["output"], options["name"], options["images"]) == (Path("exports"), None, None)


def test_every_option_reaches_the_pipeline(command, pipeline) -> None:
    text = (
        "export tiny --target coreml --target onnx --output out --weights random --resolution 192x256 "
        "--precision float32 --deployment-target ios17 --input-type tensor --labels imagenet --skip fold-scales "
        "--skip merge-branches --images pictures --min-psnr 55.5 --name other --seed 7 "
        "--substitute hardswish=gelu --substitute gelu=relu --min-drift-psnr 20 --output-names a,b"
    )
    assert command(*text.split()).code == 0
    options = pipeline.calls[0][2]
    assert options["options"] == ExportOptions(
        targets=("coreml", "onnx"),
        weights="random",
        resolution=(192, 256),
        precision="float32",
        deployment_target="iOS17",
        input_type="tensor",
        labels="imagenet",
        skip=("fold-scales", "merge-branches"),
        substitute=("hardswish=gelu", "gelu=relu"),
        output_names=("a", "b"),
        min_psnr=55.5,
        min_drift_psnr=20.0,
        seed=7,
    )
    assert (options["output"], options["name"], options["images"]) == (Path("out"), "other", Path("pictures"))


def test_one_number_is_a_square_resolution(command, pipeline) -> None:
    command("export", "tiny", "--resolution", "224")
    assert pipeline.calls[0][2]["options"].resolution == (224, 224)


def test_the_result_names_folder_parity_and_cost_on_standard_output(command, pipeline) -> None:
    outcome = command("export", "tiny")
    for text in ("exports/tiny", "capture 0.5 s", "tiny.mlpackage", "61.5 dB", "20 → 10", "2.00 k → 1.00 k"):
        assert text in outcome.out


def test_json_prints_exactly_one_document(command, pipeline) -> None:
    outcome = command("export", "tiny", "--json")
    document = json.loads(outcome.out)
    assert document["folder"] == "exports/tiny"
    assert document["seconds"] == {"capture": 0.5}
    assert document["manifest"]["schema"] == "mobiledeploy.manifest/1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resolution", "0"), "`0` is no resolution"),
        (("--resolution", "12x"), "`12x` is no resolution"),
        (("--resolution", "-5"), "`-5` is no resolution"),
        (("--precision", "float61"), "`float61` is no precision that mobiledeploy knows"),
        (("--deployment-target", "iOS9"), "`iOS9` is no deployment target that mobiledeploy knows"),
        (("--input-type", "picture"), "`picture` is no input type that mobiledeploy knows"),
        (("--seed", "x"), "--seed"),
        (("--seed", "-1"), "seed"),
        (("--min-psnr", "loud"), "--min-psnr"),
    ],
)
def test_a_wrong_option_is_refused_before_any_work(command, pipeline, arguments, message) -> None:
    outcome = command("export", "tiny", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("error:") == 1
    assert outcome.out == ""
    assert pipeline.calls == []
