"""`mobiledeploy diagnose`: what it passes on, what it shows, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from mobiledeploy.records import ExportOptions


def test_an_artifact_needs_no_options(command, pipeline) -> None:
    outcome = command("diagnose", "exports/tiny")
    assert outcome.code == 0
    ((name, arguments, options),) = pipeline.calls
    assert (name, arguments) == ("diagnose", ("exports/tiny",))
    assert options["options"] == ExportOptions()
    assert options["images"] is None


def test_a_model_takes_the_options_of_export(command, pipeline) -> None:
    words = "--weights random --resolution 64 --precision mixed --deployment-target ios17 --input-type tensor"
    more = (
        "--labels imagenet --skip merge-branches --substitute gelu=gelu_tanh --output-names a,b --min-psnr 50 --seed 3"
    )
    outcome = command("diagnose", "fastvit_t8", *words.split(), *more.split(), "--images", "pictures")
    assert outcome.code == 0
    ((_, _, options),) = pipeline.calls
    assert options["images"] == Path("pictures")
    assert options["options"] == ExportOptions(
        weights="random",
        resolution=(64, 64),
        precision="mixed",
        deployment_target="iOS17",
        input_type="tensor",
        labels="imagenet",
        skip=("merge-branches",),
        substitute=("gelu=gelu_tanh",),
        output_names=("a", "b"),
        min_psnr=50.0,
        seed=3,
    )


def test_it_shows_the_operators_the_set_and_what_to_do(command, pipeline) -> None:
    out = command("diagnose", "exports/tiny").out
    for text in ("71.5 dB", "12.0 dB", "7.2e+04", "0.91x", "25.0%", "net.py:7", "1 of 30 operators in float32"):
        assert text in out
    assert out.rstrip().endswith("Float16 is the cause: export with --precision mixed.")


def test_failed_parity_exits_with_4_after_the_tables(command, pipeline) -> None:
    pipeline.reports = (pipeline.report(passed=False, psnr_db=12.0),)
    outcome = command("diagnose", "exports/tiny")
    assert outcome.code == 4
    assert "mul_3" in outcome.out
    assert "it does not equal the original: PSNR 12.0 dB" in outcome.err
    assert "remedy: Float16 is the cause: export with --precision mixed." in outcome.err


def test_json_holds_the_diagnosis_and_the_error(command, pipeline) -> None:
    pipeline.reports = (pipeline.report(passed=False, psnr_db=12.0),)
    outcome = command("diagnose", "exports/tiny", "--json")
    assert outcome.code == 4
    document = json.loads(outcome.out)
    assert document["diagnosis"]["schema"] == "mobiledeploy.diagnosis/1"
    assert document["diagnosis"]["operators"][0]["line"] == "net.py:7"
    assert document["diagnosis"]["mixed"]["kept"][0]["reason"] == "range"
    assert document["error"]["exit_code"] == 4


def test_top_is_at_least_one(command, pipeline) -> None:
    assert command("diagnose", "exports/tiny", "--top", "0").code == 2
    assert pipeline.calls == []
