"""`mobiledeploy run`: the likeliest classes of one picture."""

from __future__ import annotations

import json
from pathlib import Path


def test_classes_are_named_as_they_are_even_when_they_look_like_markup(command, pipeline) -> None:
    outcome = command("run", "tiny.mlpackage", "--image", "cat.png", "--top", "2")
    assert outcome.code == 0
    assert "tench" in outcome.out
    assert "[goldfish]" in outcome.out
    (_, arguments, options) = pipeline.calls[0]
    assert (arguments, options["image"], options["top"]) == ((Path("tiny.mlpackage"),), Path("cat.png"), 2)


def test_json_holds_classes_shapes_and_seconds(command, pipeline) -> None:
    document = json.loads(command("run", "tiny.mlpackage", "--image", "cat.png", "--json").out)
    assert document["top"][0] == {"label": "tench", "score": 0.75}
    assert document["outputs"] == {"logits": [1, 10]}
    assert document["seconds"] == 0.25


def test_a_model_without_classes_shows_its_outputs(command, pipeline) -> None:
    pipeline.top = ()
    assert "logits 1x10" in command("run", "tiny.mlpackage", "--image", "cat.png").out


def test_no_classes_cannot_be_asked_for(command, pipeline) -> None:
    outcome = command("run", "tiny.mlpackage", "--image", "cat.png", "--top", "0")
    assert outcome.code == 2
    assert "--top" in outcome.err
    assert pipeline.calls == []
