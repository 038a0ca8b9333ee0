"""The terminal shows all that a record says, literally."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.console import Console

from mobiledeploy.records import FlexibleSizes, RefusalRecord, WeightsRecord
from mobiledeploy.report.tables import check_tables, export_tables


def shown(renderables, width: int = 200) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, emoji=False).print(*renderables, sep="\n")
    return stream.getvalue()


def row(text: str, start: str) -> list[str]:
    return cells(next(line for line in text.splitlines() if line.strip().startswith(start)))


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def with_rules(manifest, rules):
    return dataclasses.replace(manifest, rewrite=dataclasses.replace(manifest.rewrite, rules=rules))


def test_an_export_names_model_weights_and_capture(manifest, proof):
    text = shown(export_tables(manifest, proof))
    for fact in (
        "net: net (timm 1.0), 4.03 M parameters",
        "pretrained, timm/net.in1k (sha256 0123456789ab)",
        "apache-2.0",
        "image 1x3x256x256 image",
        "logits, features",
        "torch.export (non-strict)",
    ):
        assert fact in text


@pytest.mark.parametrize(
    ("functions", "form"), [((), "in one function"), (("size_256x256", "size_160x192"), "a function for each")]
)
def test_the_sizes_of_a_package_come_with_their_form_and_its_reason(manifest, proof, functions, form):
    form_of = "functions" if functions else "enumerated"
    sizes = FlexibleSizes("net.mlpackage", form_of, ((256, 256), (160, 192)), "for [a] reason", functions)
    text = shown(export_tables(dataclasses.replace(manifest, flexible=(sizes,)), proof))
    assert row(text, "sizes") == ["sizes", f"256x256, 160x192, {form}: for [a] reason"]


def test_a_report_of_one_size_names_it(passed):
    text = shown(check_tables([dataclasses.replace(passed, size=(160, 192))]))
    assert f"{passed.artifact} at 160x192" in text


def test_the_rewriting_is_told_rule_by_rule_with_operators_and_macs(manifest, proof):
    text = shown(export_tables(manifest, proof))
    assert row(text, "merge-branches")[1:] == ["5", "3", "187 → 97", "4.10 G → 704 M", "0"]
    assert row(text, "gelu (approximation)")[1:] == ["1", "0", "97 → 96", "704 M → 704 M", "1.3e-03"]
    assert row(text, "all together")[1:] == ["187 → 96", "4.10 G → 704 M", "3.1e-15"]
    assert "fold-scales" not in text


def test_approximations_are_told_with_their_error_and_the_reason_to_use_them(manifest, proof):
    *exact, gelu = manifest.rewrite.rules
    reasoned = dataclasses.replace(gelu, rule="hardswish=gelu", reason="one operator in the place of two")
    idle = dataclasses.replace(gelu, rule="mish=silu", matches=0, warning="the model has no mish")
    measured = dataclasses.replace(proof, activation_errors={"hardswish=gelu": 0.2952})
    text = shown(export_tables(with_rules(manifest, (reasoned, idle, *exact)), measured))
    told = text[text.index("Approximations, as asked for") :]
    assert row(told, "hardswish=gelu") == ["hardswish=gelu", "1", "0.295", "one operator in the place of two"]
    assert row(told, "mish=silu") == ["mish=silu", "0", "-", "warning: the model has no mish"]


def test_a_drift_has_a_table_of_its_own(manifest, proof, approximated):
    for tables in (
        export_tables(manifest, dataclasses.replace(proof, parity=(approximated,))),
        check_tables((approximated,)),
    ):
        text = shown(tables)
        told = text[text.index("net.mlpackage: drift from the original as it was") :]
        assert row(told, "cat.jpg")[2] == "36.7 dB"
        assert row(told, "natural")[-1] == "as asked for"


def test_refusals_are_counted_by_reason_with_the_first_place(manifest, proof):
    text = shown(export_tables(manifest, proof))
    (refused,) = [line for line in text.splitlines() if "bias reaches the border" in line]
    assert cells(refused) == ["merge-branches", "3", "bias reaches the border", "net.py:7"]


def test_many_reasons_are_cut_with_their_number(manifest, proof):
    refusals = tuple(RefusalRecord(f"reason {i}", f"node_{i}") for i in range(11))
    rules = (dataclasses.replace(manifest.rewrite.rules[0], refusals=refusals),)
    text = shown(export_tables(with_rules(manifest, rules), proof))
    assert "reason 7" in text
    assert "node_7" in text
    assert "reason 8" not in text
    assert "and 3 further reasons: see manifest.json" in text


def test_without_refusals_there_is_no_table_of_them(manifest, proof):
    rules = tuple(dataclasses.replace(rule, refusals=()) for rule in manifest.rewrite.rules)
    text = shown(export_tables(with_rules(manifest, rules), proof))
    assert "Refused" not in text


def test_every_output_on_every_sample_has_its_row(manifest, proof):
    text = shown(export_tables(manifest, proof))
    assert "net.mlpackage under mil, float16, bar 40 dB" in text
    rows = [cells(line) for line in text.splitlines() if "passed" in line]
    assert rows == [
        ["natural", "logits", "61.5 dB", "1.0e-03", "0.999990", "equal", "80%", "passed"],
        ["natural", "features", "equal", "0.0e+00", "1.000000", "-", "-", "passed"],
        ["cat.jpg", "logits", "55.0 dB", "1.0e-02", "0.999900", "undecided", "100%", "passed"],
    ]


def test_files_are_named_with_their_hash(manifest, proof):
    assert row(shown(export_tables(manifest, proof)), "net.mlpackage/Manifest.json")[1] == "abababababab"


def test_stand_in_weights_are_told_in_a_box_that_ends_in_what_to_do(manifest, proof):
    weights = WeightsRecord("random", "0" * 64, seed=0, fallback="the hub did not answer within 5 s [offline]")
    source = dataclasses.replace(manifest.source, weights=weights)
    text = shown(export_tables(dataclasses.replace(manifest, source=source), proof))
    assert "RANDOM WEIGHTS" in text
    assert "the hub did not answer within 5 s [offline]" in text
    assert "--weights PATH" in text
    assert "RANDOM, seed 0 (sha256 000000000000)" in text
    assert "RANDOM WEIGHTS" not in shown(export_tables(manifest, proof))


def test_a_check_has_one_row_per_report_and_details_only_of_failures(passed, failed):
    text = shown(check_tables((passed, failed)))
    assert row(text, "net.mlpackage") == ["net.mlpackage", "mil", "float16", "55.0 dB", "40 dB", "1 of 2", "passed"]
    assert row(text, "net.onnx  ") == ["net.onnx", "onnxruntime", "float32", "-inf dB", "90 dB", "1 of 2", "FAILED"]
    assert "FAILED: PSNR 12.0 dB is low" in text
    assert "FAILED: no output `aux`; its tensors: `logits`" in text
    assert "cat.jpg" not in text
    assert (
        "The first operator to diverge is mul `mul_3_cast_fp16`: -inf dB after it, 58.2 dB before it, from net.py:12."
        in text
    )


@pytest.mark.parametrize("width", [40, 80, 400])
def test_markup_in_a_record_is_shown_and_not_obeyed(hostile, width):
    text = shown(check_tables((hostile,)), width)
    assert "[red]a" in text.replace("\n", "")


def test_no_report_is_an_empty_table():
    assert "Parity" in shown(check_tables(()))


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_names_are_folded_and_never_cut(manifest, proof, width):
    text = shown((*export_tables(manifest, proof), *check_tables(proof.parity)), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
