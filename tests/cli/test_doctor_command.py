"""`mobiledeploy doctor` and the findings behind it, on machines that the test describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobiledeploy import doctor
from mobiledeploy.doctor import CHECKS, Examination, Finding, Machine, examine


def machine(tmp_path: Path, **changes) -> Machine:
    """A Linux machine that has everything but a Mac's tools and any cached weights."""
    described = {
        "output": tmp_path,
        "system": "Linux",
        "python": (3, 11, 7),
        "environment": {"HF_HOME": str(tmp_path / "hub")},
        "version": lambda name: "1.2.3",
        "which": lambda name: "/usr/bin/swift" if name == "swift" else None,
        "ask": lambda command: (0, "Swift version 6.3"),
        "connect": lambda host, port: None,
    }
    return Machine(**(described | changes))


def found(name: str, subject: Machine) -> Finding:
    return next(finding for finding in examine(subject).findings if finding.name == name)


def test_what_is_there_is_ok_and_what_is_missing_has_a_remedy(tmp_path) -> None:
    findings = examine(machine(tmp_path)).findings
    assert len(findings) == len(CHECKS)
    assert len({finding.name for finding in findings}) == len(CHECKS)
    for finding in findings:
        assert (finding.remedy is None) == (finding.status == "ok")
    missing = [finding.name for finding in findings if finding.status == "missing"]
    assert missing == ["Core ML prediction", "Xcode", "devicectl", "weights cache"]


@pytest.mark.parametrize(
    ("name", "changes", "status", "detail"),
    [
        ("Python", {"python": (3, 10, 2)}, "missing", "3.10.2"),
        ("timm", {"version": lambda name: None}, "missing", "not installed"),
        ("torch with torchvision", {"version": lambda name: None}, "missing", "not both installed"),
        (
            "torch with torchvision",
            {"ask": lambda command: (1, "Traceback\nRuntimeError: operator torchvision::nms does not exist")},
            "missing",
            "RuntimeError: operator torchvision::nms does not exist",
        ),
        ("Swift", {"ask": lambda command: (1, "no toolchain")}, "missing", "no toolchain"),
        ("Swift", {}, "ok", "Swift version 6.3"),
        ("model hub", {}, "ok", "huggingface.co"),
        ("model hub", {"connect": lambda host, port: "timed out"}, "missing", "huggingface.co: timed out"),
        ("model hub", {"environment": {"HF_HUB_OFFLINE": "1"}}, "unknown", "not asked: HF_HUB_OFFLINE is set"),
        ("model hub", {"environment": {"HF_ENDPOINT": "hub"}}, "missing", "HF_ENDPOINT=hub is no address"),
        (
            "model hub",
            {"environment": {"HTTPS_PROXY": "http://proxy:3128"}, "connect": lambda host, port: f"{host} {port}"},
            "missing",
            "proxy: proxy 3128",
        ),
        ("photographs", {"version": lambda name: None}, "missing", "no installed package carries one"),
    ],
)
def test_findings(tmp_path, name, changes, status, detail) -> None:
    finding = found(name, machine(tmp_path, **changes))
    assert (finding.status, finding.detail) == (status, detail)


def test_the_hub_is_asked_where_the_environment_says(tmp_path) -> None:
    asked = []
    mirror = {"HF_ENDPOINT": "http://mirror.example:8080"}
    found("model hub", machine(tmp_path, environment=mirror, connect=lambda *address: asked.append(address)))
    assert asked == [("mirror.example", 8080)]


def test_cached_models_are_counted(tmp_path) -> None:
    (tmp_path / "hub" / "hub" / "models--timm--fastvit").mkdir(parents=True)
    assert found("weights cache", machine(tmp_path)).detail.startswith("1 models in ")


def test_an_output_below_a_regular_file_is_found_out(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    finding = found("output folder", machine(tmp_path, output=tmp_path / "file" / "exports"))
    assert finding.status == "missing"
    assert "Not a directory" in finding.detail


def test_a_command_that_hangs_or_is_missing_is_a_reason_and_no_exception(monkeypatch) -> None:
    monkeypatch.setattr(doctor, "CHILD_TIMEOUT_SECONDS", 0.2)
    assert doctor._ask(["sleep", "5"])[0] == -1
    assert doctor._ask(["no-such-program-anywhere"])[0] == -1


def test_the_command_prints_every_finding(command, monkeypatch) -> None:
    examination = Examination((Finding("Python", "ok", "3.11"), Finding("Xcode", "missing", "[none]", "Install it.")))
    monkeypatch.setattr(doctor, "examine", lambda machine: examination)
    outcome = command("doctor")
    assert outcome.code == 0
    for text in ("Python", "3.11", "Xcode", "[none]", "Install it."):
        assert text in outcome.out
    document = json.loads(command("doctor", "--json").out)
    assert document["schema"] == "mobiledeploy.doctor/1"
    assert [finding["status"] for finding in document["findings"]] == ["ok", "missing"]
