"""The Markdown summary: one row per artifact, what failed, and no text that turns into markup."""

from __future__ import annotations

import dataclasses

from mobiledeploy.report.github_summary import github_summary


def test_everything_passed(passed):
    assert github_summary((passed, passed)) == (
        "## Parity: all 2 passed\n"
        "\n"
        "| artifact | runner | precision | worst PSNR | bar | top-1 | result |\n"
        "|---|---|---|---:|---:|---:|---|\n"
        "| net.mlpackage | mil | float16 | 55.0 dB | 40 dB | 1 of 2 | ✅ passed |\n"
        "| net.mlpackage | mil | float16 | 55.0 dB | 40 dB | 1 of 2 | ✅ passed |\n"
    )


def test_a_drift_is_told_below_the_table(approximated):
    assert github_summary((approximated,)).endswith(
        "| ✅ passed |\n\n"
        "- Approximated as asked for, net.mlpackage is 33.6 dB from the original at worst; "
        "its best class is the original's on 1 of 2.\n"
    )


def test_a_drift_beyond_its_bound_is_a_failure(approximated):
    broken = dataclasses.replace(approximated.drift[0], passed=False, reason="too far")
    report = dataclasses.replace(approximated, passed=False, drift=(broken,))
    assert "- **logits** on natural: too far\n" in github_summary((report,))


def test_failures_follow_the_table_with_their_reason_and_origin(passed, failed):
    summary = github_summary((passed, failed))
    assert summary.startswith("## Parity: 1 of 2 FAILED\n")
    assert "| net.onnx | onnxruntime | float32 | -inf dB | 90 dB | 1 of 2 | ❌ failed |\n" in summary
    assert summary.endswith(
        "\n### net.onnx under onnxruntime\n"
        "\n"
        "- **logits** on grace\\_hopper: PSNR 12.0 dB is low\n"
        "- **aux** on natural: no output \\`aux\\`; its tensors: \\`logits\\`\n"
        "\n"
        "The first operator to diverge is mul \\`mul\\_3\\_cast\\_fp16\\`: "
        "-inf dB after it, 58.2 dB before it, from net.py:12.\n"
    )


def test_no_text_ends_its_line_or_leaves_its_cell(hostile):
    lines = github_summary((hostile,)).splitlines()
    row = lines[4]
    assert row.count("|") - row.count("\\|") == 8
    assert "\\[red\\]a\\|b\\[/red\\] \\<b\\>\\&amp;\\</b\\>" in row
    assert len([line for line in lines if line.startswith("- ")]) == 1


def test_a_long_list_of_failures_is_cut_with_its_number(failed):
    outputs = tuple(dataclasses.replace(failed.outputs[0], input=f"picture {i}") for i in range(45))
    summary = github_summary((dataclasses.replace(failed, outputs=outputs),))
    assert summary.count("- **logits**") == 20
    assert "- and 25 more\n" in summary


def test_no_report_passes_nothing(passed):
    assert github_summary(()).startswith("## Parity: all 0 passed\n")
