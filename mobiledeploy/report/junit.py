"""JUnit XML, as CI systems read it: one suite per artifact and runner, one case per sample and output.

The shape is that of Jenkins' schema (jenkinsci/xunit-plugin, `junit-10.xsd`), of which GitLab and GitHub's actions read
subsets. There are no times: parity has none, and one report gives the same bytes every time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mobiledeploy.report.wording import (
    decibels,
    divergence_sentence,
    drift_sentence,
    ranking_word,
    subject,
)

if TYPE_CHECKING:
    from mobiledeploy.records import OutputParity, ParityReport

__all__ = ["junit_xml"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2, Char) cannot hold even escaped; file names and error texts can."""


def junit_xml(reports: Sequence[ParityReport]) -> str:
    """The document as text, to be written as UTF-8."""
    cases = sum(len(report.outputs) + len(report.drift) for report in reports)
    root = ElementTree.Element("testsuites", _counts("mobiledeploy parity", cases, sum(map(_failures, reports))))
    for report in reports:
        root.append(_suite(report))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(name: str, tests: int, failures: int) -> dict[str, str]:
    return {"name": _text(name), "tests": str(tests), "failures": str(failures), "errors": "0"}


def _failures(report: ParityReport) -> int:
    return sum(not output.passed for output in (*report.outputs, *report.drift))


def _suite(report: ParityReport) -> ElementTree.Element:
    name = f"{subject(report)} under {report.runner}"
    suite = ElementTree.Element("testsuite", _counts(name, len(report.outputs) + len(report.drift), _failures(report)))
    properties = ElementTree.SubElement(suite, "properties")
    facts = {"precision": report.precision, "bar": f"{report.bar_db:g} dB", "worst PSNR": decibels(report.psnr_db)}
    if report.drift:
        facts["drift"] = drift_sentence(report)
    for key, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": key, "value": _text(value)})
    for output in report.outputs:
        suite.append(_case(report, output))
    for output in report.drift:
        suite.append(_case(report, output, of="drift of "))
    return suite


def _case(report: ParityReport, output: OutputParity, of: str = "") -> ElementTree.Element:
    name = {"name": _text(f"{output.input}: {of}{output.output}")}
    case = ElementTree.Element("testcase", {"classname": _text(f"{subject(report)}.{report.runner}"), **name})
    if not output.passed:
        reason = output.reason or f"PSNR {decibels(output.psnr_db)}"
        attributes = {"type": "ParityError", "message": _text(reason)}
        ElementTree.SubElement(case, "failure", attributes).text = _text(_details(report, output))
    return case


def _details(report: ParityReport, output: OutputParity) -> str:
    lines = [
        f"PSNR {decibels(output.psnr_db)}, bar {report.bar_db:g} dB",
        f"largest error {output.max_absolute:.6g}, of the peak {output.max_relative:.3g}",
        f"cosine {output.cosine:.8f}",
        f"top-1 {ranking_word(output)}",
    ]
    if report.divergence is not None:
        lines.append(divergence_sentence(report.divergence))
    return "\n".join(lines)


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
