"""`mobiledeploy run`: what it is given, and what it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobiledeploy.pipeline import GivenInputs


def test_classes_are_named_as_they_are_even_when_they_look_like_markup(command, pipeline) -> None:
    outcome = command("run", "tiny.mlpackage", "--image", "cat.png", "--top", "2")
    assert outcome.code == 0
    assert "tench" in outcome.out
    assert "[goldfish]" in outcome.out
    (_, (package, given), options) = pipeline.calls[0]
    assert (package, given, options["top"]) == (
        Path("tiny.mlpackage"),
        GivenInputs(images=((None, Path("cat.png")),)),
        2,
    )


def test_every_option_reaches_the_run(command, pipeline) -> None:
    words = "--image x=cat.png --image dog.png --input m=mask.npy --inputs rest.npz --random --seed 7"
    words += " --function other --precision FLOAT32 --backend onnxruntime --repeat 3 --output out.npz"
    assert command("run", "tiny.mlpackage", *words.split()).code == 0
    (_, (_, given), options) = pipeline.calls[0]
    assert given == GivenInputs(
        images=(("x", Path("cat.png")), (None, Path("dog.png"))),
        arrays=(("m", Path("mask.npy")),),
        archive=Path("rest.npz"),
        random=True,
        seed=7,
    )
    wanted = {
        "function": "other",
        "precision": "float32",
        "backend": "onnxruntime",
        "repeat": 3,
        "output": Path("out.npz"),
    }
    assert {name: options[name] for name in wanted} == wanted


def test_a_picture_whose_name_has_an_equals_sign_is_that_picture(command, pipeline, tmp_path) -> None:
    (tmp_path / "a=b.png").touch()
    command("run", "tiny.mlpackage", "--image", tmp_path / "a=b.png")
    assert pipeline.calls[0][1][1].images == ((None, tmp_path / "a=b.png"),)


def test_json_holds_classes_figures_of_the_outputs_and_seconds(command, pipeline) -> None:
    document = json.loads(command("run", "tiny.mlpackage", "--image", "cat.png", "--repeat", "2", "--json").out)
    assert document == {
        "outputs": {
            "logits": {
                "kind": "array",
                "shape": [1, 10],
                "dtype": "float32",
                "min": -1.5,
                "max": 2.0,
                "mean": 0.25,
                "nan": 3,
                "infinite": 1,
            },
            "classLabel": {"kind": "label", "shape": [], "dtype": "string", "value": "[goldfish]"},
        },
        "top": [{"label": "tench", "score": 0.75}, {"label": "[goldfish]", "score": 0.25}],
        "seconds": 0.375,
        "times": [0.5, 0.25],
    }


def test_a_score_that_is_no_number_is_null_in_json(command, pipeline) -> None:
    pipeline.top = (("tench", float("nan")),)
    document = json.loads(command("run", "tiny.mlpackage", "--random", "--json").out)
    assert document["top"] == [{"label": "tench", "score": None}]


def test_a_table_tells_of_the_outputs_and_a_line_of_the_time(command, pipeline) -> None:
    pipeline.top = ()
    printed = command("run", "tiny.mlpackage", "--image", "cat.png").out
    (row,) = [line.split() for line in printed.splitlines() if "logits" in line]
    assert [cell for cell in row if cell != "│"] == ["logits", "1x10", "float32", "-1.5", "2", "0.25", "3", "1"]
    assert "classLabel: [goldfish]" in printed
    assert "one prediction: 0.500 s" in printed
    assert "class " not in printed
    assert "2 predictions: median 0.375 s, the first 0.500 s" in command("run", "t", "--random", "--repeat", "2").out


WRONG = [
    (("--top", "0"), "--top"),
    (("--repeat", "0"), "--repeat"),
    (("--seed", "-1"), "--seed"),
    (("--input", "mask.npy"), "`mask.npy` names no input"),
    (("--backend", "tflite"), "`tflite` is no backend that mobiledeploy knows"),
    (("--precision", "float16"), "`float16` is no precision that mobiledeploy knows"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_options_are_refused_before_anything_runs(command, pipeline, words, message) -> None:
    outcome = command("run", "tiny.mlpackage", "--image", "cat.png", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert pipeline.calls == []
