"""JUnit XML has the shape that CI systems read, whatever the texts in it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from mobiledeploy.report.junit import junit_xml

# Jenkins' schema (jenkinsci/xunit-plugin, junit-10.xsd): element to (required attributes, other attributes, children in
# order: the schema leaves the order within a suite open, most writers do not).
SCHEMA = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, ["testsuite*"]),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        ["properties?", "testcase*"],
    ),
    "properties": (set(), set(), ["property*"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": ({"name"}, {"time", "classname", "group"}, ["failure*"]),
    "failure": (set(), {"type", "message"}, []),
}


def check_shape(element: ElementTree.Element) -> None:
    required, optional, children = SCHEMA[element.tag]
    assert required <= set(element.keys()) <= required | optional
    order = [child.rstrip("*?") for child in children]
    tags = [child.tag for child in element]
    assert set(tags) <= set(order)
    assert tags == sorted(tags, key=order.index)
    for child in children:
        assert not child.endswith("?") or tags.count(child.rstrip("?")) <= 1
    if element.tag in ("testsuites", "testsuite"):
        cases = element.findall(".//testcase")
        assert int(element.get("tests")) == len(cases)
        assert int(element.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert element.get("errors") == "0"
    for child in element:
        check_shape(child)


def test_the_shape_is_the_common_schemas(passed, failed, hostile):
    for reports in ((), (passed,), (passed, failed, hostile)):
        check_shape(ElementTree.fromstring(junit_xml(reports)))


def test_a_wrong_shape_would_be_noticed(passed):
    root = ElementTree.fromstring(junit_xml((passed,)))
    root[0].set("failures", "1")
    with pytest.raises(AssertionError):
        check_shape(root)


def test_one_case_per_artifact_sample_and_output(passed, failed):
    root = ElementTree.fromstring(junit_xml((passed, failed)))
    assert [(case.get("classname"), case.get("name")) for case in root.iter("testcase")] == [
        ("net.mlpackage.mil", "natural: logits"),
        ("net.mlpackage.mil", "natural: features"),
        ("net.mlpackage.mil", "cat.jpg: logits"),
        ("net.onnx.onnxruntime", "grace_hopper: logits"),
        ("net.onnx.onnxruntime", "natural: aux"),
        ("net.onnx.onnxruntime", "natural: logits"),
    ]
    assert (root.get("tests"), root.get("failures")) == ("6", "2")


def test_a_drift_has_cases_of_its_own(approximated):
    root = ElementTree.fromstring(junit_xml((approximated,)))
    check_shape(root)
    assert [case.get("name") for case in root.iter("testcase")][3:] == [
        "natural: drift of logits",
        "cat.jpg: drift of logits",
        "natural: drift of features",
    ]
    facts = {found.get("name"): found.get("value") for found in root.iter("property")}
    assert facts["drift"].startswith("Approximated as asked for, net.mlpackage is 33.6 dB from the original")


def test_a_drift_beyond_its_bound_fails_its_case(approximated):
    broken = dataclasses.replace(approximated.drift[0], passed=False, reason="too far")
    root = ElementTree.fromstring(junit_xml((dataclasses.replace(approximated, passed=False, drift=(broken,)),)))
    check_shape(root)
    (failure,) = root.iter("failure")
    assert failure.get("message") == "too far"


def test_a_failure_carries_its_reason_the_numbers_and_where_it_began(failed):
    root = ElementTree.fromstring(junit_xml((failed,)))
    first, second = root.iter("failure")
    assert first.get("message") == "PSNR 12.0 dB is low"
    assert first.text.splitlines() == [
        "PSNR 12.0 dB, bar 90 dB",
        "largest error 3.5, of the peak 0.25",
        "cosine 0.70000000",
        "top-1 differs",
        "The first operator to diverge is mul `mul_3_cast_fp16`: -inf dB after it, 58.2 dB before it, from net.py:12.",
    ]
    assert second.get("message") == "no output `aux`; its tensors: `logits`"


def test_what_xml_cannot_hold_is_replaced_and_the_rest_kept(hostile):
    (failure,) = ElementTree.fromstring(junit_xml((hostile,)).encode("utf-8")).iter("failure")
    message = failure.get("message")
    assert message.startswith("[red]a|b[/red] <b>&amp;</b> `c` *d* \ufffd\ufffd[31m\ufffd line")
    assert message.endswith("]]> [/]")


def test_the_same_reports_give_the_same_bytes_under_any_hash_seed():
    code = (
        "from mobiledeploy.records import *; from mobiledeploy.report.junit import junit_xml; import sys;"
        "o = OutputParity('s', 'y', 1.0, 1.0, 1.0, 1.0, passed=False, reason='r');"
        "print(junit_xml([ParityReport('a', 'mil', 'float16', 40.0, 1.0, False, (o, o))]))"
    )
    documents = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("0", "1", "2")
    }
    assert len(documents) == 1
