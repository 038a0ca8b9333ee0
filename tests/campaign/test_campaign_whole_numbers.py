"""Outputs of whole numbers: PyTorch's are int64 or bool, Core ML's int32, and both say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobiledeploy.campaign.device_parity import device_parity
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.parity.reference import Reference
from mobiledeploy.parity.samples import Sample
from mobiledeploy.records import OutputParity, SampleOutputs, TensorContent, UnitRun
from mobiledeploy.server.blobs import Blobs

CLASSES = np.array([[[7, 7, 0], [3, 150, 2]]])
SUBJECT = Subject("m", "float16", 40.0)


def judged(folder: Path, expected: np.ndarray, sent: np.ndarray) -> OutputParity:
    blobs = Blobs(folder)
    content = np.ascontiguousarray(sent, sent.dtype.newbyteorder("<")).tobytes()
    tensor = TensorContent("classes", sent.dtype.name, sent.shape, blobs.add(content), len(content))
    unit = UnitRun("all", outputs=(SampleOutputs("cat", (tensor,)),))
    results = device_parity(unit, SUBJECT, Reference((Sample("cat", {}),), ({"classes": expected},)), blobs)
    assert not isinstance(results, str), results
    (result,) = results
    return result


@pytest.mark.parametrize("expected", [CLASSES, CLASSES.astype(np.int32), CLASSES.astype(np.uint8), CLASSES > 5])
def test_equal_whole_numbers_pass_whatever_their_width(tmp_path: Path, expected: np.ndarray) -> None:
    result = judged(tmp_path, expected, expected.astype(np.int32))
    assert (result.passed, result.reason, result.psnr_db, result.max_absolute) == (True, None, np.inf, 0.0)


@pytest.mark.parametrize("dtype", [np.int8, np.int32])
def test_negative_whole_numbers_keep_their_sign(tmp_path: Path, dtype: type[np.signedinteger]) -> None:
    expected = np.array([[-1, 127, -128]])
    assert judged(tmp_path, expected, expected.astype(dtype)).max_absolute == 0.0


def test_large_whole_numbers_are_not_rounded(tmp_path: Path) -> None:
    """2^24 + 1 is no float32."""
    expected = np.array([[2**24 + 1, 2**31 - 1]])
    assert judged(tmp_path, expected, expected.astype(np.int32)).max_absolute == 0.0
    assert judged(tmp_path, expected, expected.astype(np.int32) - 1).max_absolute == 1.0


def test_another_class_is_seen(tmp_path: Path) -> None:
    sent = CLASSES.astype(np.int32)
    sent[0, 1, 1] = 3
    result = judged(tmp_path, CLASSES, sent)
    assert (result.passed, result.max_absolute) == (False, 147.0)
    assert str(result.reason).startswith("its PSNR of ")


def test_a_single_number_stands_for_a_scalar(tmp_path: Path) -> None:
    """Core ML has no arrays without axes: what PyTorch gives without any comes as an array of one."""
    assert judged(tmp_path, np.array(12), np.array([12], np.int32)).passed
    assert not judged(tmp_path, np.array(12), np.array([13], np.int32)).passed
