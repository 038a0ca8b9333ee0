"""Markdown for `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobiledeploy.report.wording import (
    agreement,
    decibels,
    divergence_sentence,
    drift_sentence,
    subject,
)

if TYPE_CHECKING:
    from mobiledeploy.records import ParityReport

__all__ = ["github_summary"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$])")
_OUTPUTS_SHOWN = 20
"""Failed outputs listed per artifact: GitHub cuts a step's summary off at 1 MiB."""


def github_summary(reports: Sequence[ParityReport]) -> str:
    """A heading with the verdict, one table row per artifact and runner, then what failed and where it diverges."""
    failed = [report for report in reports if not report.passed]
    verdict = f"{len(failed)} of {len(reports)} FAILED" if failed else f"all {len(reports)} passed"
    lines = [
        f"## Parity: {verdict}",
        "",
        "| artifact | runner | precision | worst PSNR | bar | top-1 | result |",
        "|---|---|---|---:|---:|---:|---|",
        *map(_row, reports),
    ]
    drifts = [drift_sentence(report) for report in reports if report.drift]
    lines += ["", *(f"- {_escape(sentence)}" for sentence in drifts)] if drifts else []
    for report in failed:
        lines += ["", f"### {_escape(subject(report))} under {_escape(report.runner)}", "", *_failures(report)]
    return "\n".join(lines) + "\n"


def _row(report: ParityReport) -> str:
    verdict = "✅ passed" if report.passed else "❌ failed"
    texts = (subject(report), report.runner, report.precision, decibels(report.psnr_db), f"{report.bar_db:g} dB")
    return f"| {' | '.join(map(_escape, texts))} | {agreement(report)} | {verdict} |"


def _failures(report: ParityReport) -> list[str]:
    failed = [output for output in (*report.outputs, *report.drift) if not output.passed]
    lines = [
        f"- **{_escape(output.output)}** on {_escape(output.input)}: {_escape(output.reason or 'differs')}"
        for output in failed[:_OUTPUTS_SHOWN]
    ]
    if len(failed) > _OUTPUTS_SHOWN:
        lines.append(f"- and {len(failed) - _OUTPUTS_SHOWN} more")
    if report.divergence is not None:
        lines += ["", _escape(divergence_sentence(report.divergence))]
    return lines


def _escape(text: str) -> str:
    """Literal text: nothing in it is markup, ends its line or leaves its table cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
