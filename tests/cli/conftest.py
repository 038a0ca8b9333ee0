"""The real command line in this process, above a pipeline that the test controls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import mobiledeploy
from mobiledeploy.cli import main
from mobiledeploy.pipeline import GivenInputs, OutputSummary, RunResult
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import (
    Diagnosis,
    ExportOptions,
    GraphCost,
    InputSpec,
    KeptOperator,
    Manifest,
    MixedPrecision,
    OperatorDiagnosis,
    OutputParity,
    ParityReport,
    Proof,
    RewriteLog,
    SourceRecord,
    WeightsRecord,
)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """`command("export", "x")` runs it and gives exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MOBILEDEPLOY_DEBUG", raising=False)

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run


def manifest() -> Manifest:
    source = SourceRecord("zoo", "tiny", "tiny", "tiny (timm 1)", 7, WeightsRecord("random", "0" * 64, seed=0))
    log = RewriteLog((), GraphCost(20, 2000, 64), GraphCost(10, 1000, 32), None)
    spec = InputSpec("image", (1, 3, 32, 32))
    return Manifest("tiny", source, ExportOptions(), (spec,), ("logits",), "torch.export", log, (), {}, {})


@dataclass
class FakePipeline:
    """Records what it is called with; `before` runs inside of each call, and may print or raise."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    before: Callable[[Progress], None] = lambda progress: None
    reports: tuple[ParityReport, ...] = ()
    top: tuple[tuple[str, float], ...] = (("tench", 0.75), ("[goldfish]", 0.25))

    @staticmethod
    def report(*, passed: bool = True, psnr_db: float = 61.5) -> ParityReport:
        output = OutputParity("coffee", "logits", psnr_db, 0.01, 0.001, 0.9999, True, 1.0, passed=passed)
        return ParityReport("tiny.mlpackage", "mil", "float16", 40.0, psnr_db, passed, (output,))

    def export(self, model: str, **options: Any) -> SimpleNamespace:
        self._enter("export", (model,), options)
        proof = Proof({}, 1e-15, {}, (self.report(),))
        return SimpleNamespace(folder=Path("exports/tiny"), manifest=manifest(), proof=proof, seconds={"capture": 0.5})

    def check(self, artifact: Path, **options: Any) -> tuple[ParityReport, ...]:
        self._enter("check", (artifact,), options)
        return self.reports or (self.report(),)

    def run(self, package: Path, given: GivenInputs, **options: Any) -> RunResult:
        self._enter("run", (package, given), options)
        logits = OutputSummary("array", (1, 10), "float32", -1.5, 2.0, 0.25, nans=3, infinities=1)
        label = OutputSummary("label", (), "string", value="[goldfish]")
        times = (0.5, *(0.25,) * (options["repeat"] - 1))
        return RunResult({"logits": logits, "classLabel": label}, self.top, times)

    def diagnose(self, subject: str, **options: Any) -> Diagnosis:
        self._enter("diagnose", (subject,), options)
        report = (self.reports or (self.report(),))[0]
        row = OperatorDiagnosis("matmul", "mul_3_cast_fp16", 12.0, 71.5, True, 7.2e4, 0.1, 0.25, 0.91, None, "net.py:7")
        kept = MixedPrecision("tiny.mlpackage", 30, (KeptOperator("matmul", "mul_3", "range", "net.py:7"),), True)
        advice = "Float16 is the cause: export with --precision mixed."
        return Diagnosis(subject, True, None, report, "coffee", (row,), kept, 61.5, advice)

    def _enter(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.calls.append((name, arguments, options))
        self.before(options.get("progress", SILENT))


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    fake = FakePipeline()
    module = ModuleType("mobiledeploy.pipeline")
    module.__dict__.update(
        export=fake.export, check=fake.check, diagnose=fake.diagnose, run=fake.run, GivenInputs=GivenInputs
    )
    monkeypatch.setitem(sys.modules, "mobiledeploy.pipeline", module)
    monkeypatch.setattr(mobiledeploy, "pipeline", module, raising=False)
    return fake
