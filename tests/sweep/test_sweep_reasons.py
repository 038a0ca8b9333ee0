"""Ten reasons, from the exception and the stage it ended; operator and line, from the message."""

from __future__ import annotations

import typing

import pytest

from mobiledeploy.errors import (
    CaptureError,
    CheckpointError,
    FactoryError,
    HostError,
    InternalError,
    ParityError,
    TargetError,
    UnknownModelError,
    UnsupportedError,
)
from mobiledeploy.records.sweep import ReasonName
from mobiledeploy.sweep.reasons import EXIT_CODES, location, outcome_of, portable, reason_of


@pytest.mark.parametrize(
    ("error", "stage", "reason", "outcome"),
    [
        (UnknownModelError("x"), "source", "input", "failed"),
        (FactoryError("x"), "source", "input", "failed"),
        (CheckpointError("x"), "source", "input", "failed"),
        (CaptureError("x"), "capture", "capture", "refused"),
        (CaptureError("x"), "rewrite", "capture", "refused"),
        (UnsupportedError("x"), "rewrite", "rewrite", "refused"),
        (UnsupportedError("x"), "convert onnx", "convert", "refused"),
        (UnsupportedError("x"), "check coreml", "convert", "refused"),
        (UnsupportedError("x"), "capture", "capture", "refused"),
        (UnsupportedError("x"), None, "capture", "refused"),
        (TargetError("x"), "convert coreml", "convert", "refused"),
        (ParityError("x"), "check coreml", "parity", "unequal"),
        (HostError("x"), "source", "host", "failed"),
        (InternalError("x"), "rewrite", "bug", "failed"),
        (ValueError("x"), "rewrite", "bug", "failed"),
        (SystemExit(3), "source", "bug", "failed"),
        (MemoryError(), "rewrite", "memory", "failed"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "reference", "memory", "failed"),
        (FactoryError("the factory raised: MemoryError: Unable to allocate 8 GiB"), "source", "memory", "failed"),
    ],
)
def test_an_exception_has_its_reason(error, stage, reason, outcome) -> None:
    assert reason_of(error, stage) == reason
    assert outcome_of(reason) == outcome


def test_a_lack_of_memory_is_found_below_what_it_became() -> None:
    error = CaptureError("the model does not run")
    error.__cause__ = MemoryError()
    assert reason_of(error, "capture") == "memory"


def test_every_reason_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(typing.get_args(ReasonName))
    assert outcome_of(None) == "passed"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            TargetError(
                'coreml cannot convert `aten.unfold.default`: rank 6. Layer "x"',
                where="unfold_1, /usr/lib/python3/site-packages/timm/layers/halo_attn.py:228",
            ),
            ("aten.unfold.default", "timm/layers/halo_attn.py:228"),
        ),
        (
            ParityError(
                "the converted model does not equal the original: PSNR",
                where="net.mlpackage, output `logits` on grace; first at matmul `m_2` (39.1 dB, src/net.py:297)",
            ),
            ("matmul", "src/net.py:297"),
        ),
        (
            CaptureError("it draws random numbers (aten.rand.default)", where="net.py:3"),
            ("aten.rand.default", "net.py:3"),
        ),
        (CaptureError("control flow depends on data"), (None, None)),
        (InternalError("no", where="export"), (None, None)),
        (ValueError("aten.rand.default net.py:3"), (None, None)),
    ],
)
def test_operator_and_line_are_those_of_the_message(error, expected) -> None:
    assert location(error) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("net.py:3", "net.py:3"),
        ("src/net.py:3", "src/net.py:3"),
        ("add_3, /usr/lib/python3/site-packages/timm/models/swin.py:4", "add_3, timm/models/swin.py:4"),
        ("first at conv `c` (3 dB, /a/site-packages/b/c.py:4)", "first at conv `c` (3 dB, b/c.py:4)"),
        ("/a/site-packages/b.py:1 and /a/site-packages/c.py:2", "b.py:1 and c.py:2"),
    ],
)
def test_a_record_names_no_folder_of_installed_packages(text, expected) -> None:
    assert portable(text) == expected
