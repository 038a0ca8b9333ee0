"""Records with everything a report can show, and with everything that could break one."""

from __future__ import annotations

import dataclasses
import math

import pytest

from mobiledeploy.records import (
    Divergence,
    ExportOptions,
    GraphCost,
    InputSpec,
    Manifest,
    OutputParity,
    ParityClaim,
    ParityReport,
    Proof,
    RefusalRecord,
    RewriteLog,
    RuleRecord,
    SourceRecord,
    WeightsRecord,
)

GOOD = OutputParity("natural", "logits", 61.53, 0.0123, 0.001, 0.99999, top1=True, top5=0.8)
EQUAL = OutputParity("natural", "features", math.inf, 0.0, 0.0, 1.0)
UNDECIDED = OutputParity("cat.jpg", "logits", 55.0, 0.1, 0.01, 0.9999, top1=False, top5=1.0, margin_decides=False)
FAILED = OutputParity(
    "grace_hopper", "logits", 12.04, 3.5, 0.25, 0.7, top1=False, top5=0.2, passed=False, reason="PSNR 12.0 dB is low"
)
MISSING = OutputParity(
    "natural", "aux", -math.inf, math.inf, math.inf, 0.0, passed=False, reason="no output `aux`; its tensors: `logits`"
)
DIVERGENCE = Divergence("mul", "mul_3_cast_fp16", -math.inf, 58.25, "net.py:12")


@pytest.fixture
def passed() -> ParityReport:
    return ParityReport("net.mlpackage", "mil", "float16", 40.0, 55.0, True, (GOOD, EQUAL, UNDECIDED))


@pytest.fixture
def approximated(passed) -> ParityReport:
    """A package that equals the approximated model, and is as far from the original as was asked for."""
    drift = (
        dataclasses.replace(GOOD, psnr_db=33.64, top1=True),
        dataclasses.replace(GOOD, input="cat.jpg", psnr_db=36.7, top1=False),
        dataclasses.replace(EQUAL, psnr_db=50.0),
    )
    return dataclasses.replace(passed, drift=drift)


@pytest.fixture
def failed() -> ParityReport:
    outputs = (FAILED, MISSING, GOOD)
    return ParityReport("net.onnx", "onnxruntime", "float32", 90.0, -math.inf, False, outputs, DIVERGENCE)


@pytest.fixture
def hostile() -> ParityReport:
    """Text that is markup for rich, XML or Markdown, or that XML cannot hold at all."""
    text = "[red]a|b[/red] <b>&amp;</b> `c` *d* \x00\x1b[31m\ud800 line\nbreak ]]> [/]"
    output = dataclasses.replace(FAILED, input=text, output=text, reason=text)
    return ParityReport(text, text, text, 40.0, 1.0, False, (output,), Divergence(text, text, 1.0, 2.0, text))


@pytest.fixture
def manifest() -> Manifest:
    refusals = (RefusalRecord("bias reaches the border", "conv2d_3", "net.py:7"),) * 3
    rules = (
        RuleRecord(
            "merge-branches",
            "exact",
            5,
            refusals,
            GraphCost(187, 4_100_000_000, 9),
            GraphCost(97, 704_000_000, 9),
            None,
        ),
        RuleRecord("fold-scales", "exact", 0, (), GraphCost(97, 704_000_000, 9), GraphCost(97, 704_000_000, 9), None),
        RuleRecord("gelu", "approximation", 1, (), GraphCost(97, 704_000_000, 9), GraphCost(96, 704_000_000, 9), None),
    )
    log = RewriteLog(rules, GraphCost(187, 4_100_000_000, 9), GraphCost(96, 704_000_000, 9), None)
    weights = WeightsRecord("pretrained", "0123456789abcdef" * 4, "timm/net.in1k")
    return Manifest(
        name="net",
        source=SourceRecord("zoo", "net", "net", "net (timm 1.0)", 4_030_000, weights, "apache-2.0"),
        options=ExportOptions(),
        inputs=(InputSpec("image", (1, 3, 256, 256), kind="image"),),
        outputs=("logits", "features"),
        capture="torch.export (non-strict)",
        rewrite=log,
        parity=(ParityClaim("net.mlpackage", "mil", "float16", 40.0, ("natural",), ("logits", "features")),),
        versions={"torch": "2.13.0"},
        files={"net.mlpackage/Manifest.json": "ab" * 32},
    )


@pytest.fixture
def proof(passed) -> Proof:
    return Proof({"machine": "x86_64"}, 3.1e-15, {"merge-branches": 0.0, "gelu": 1.25e-3}, (passed,))
