"""What a device sent, held against the reference: by name, by type, by bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mobiledeploy.campaign.device_parity import device_parity, subject_reference
from mobiledeploy.campaign.subject import Subject
from mobiledeploy.parity.reference import Reference, save
from mobiledeploy.parity.samples import Sample
from mobiledeploy.records import SampleOutputs, TensorContent, UnitRun
from mobiledeploy.server.blobs import Blobs

SUBJECT = Subject("m", "float16", 60.0)
EXPECTED = {
    "cat": {"logits": np.array([[5.0, 3.0, 1.0, -2.0]], np.float32)},
    "dog": {"logits": np.array([[-4.0, 0.5, 6.0, 2.0]], np.float32)},
}
REFERENCE = Reference(tuple(Sample(name, {}) for name in EXPECTED), tuple(EXPECTED.values()))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def sent(blobs: Blobs, outputs: dict[str, dict[str, np.ndarray]], dtype: str = "float32") -> UnitRun:
    """A unit with these outputs, sent as `dtype`."""
    samples = []
    for name, arrays in outputs.items():
        tensors = []
        for output, array in arrays.items():
            content = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).tobytes()
            digest = blobs.add(content)
            tensors.append(TensorContent(output, dtype, array.shape, digest, len(content)))
        samples.append(SampleOutputs(name, tuple(tensors)))
    return UnitRun("all", outputs=tuple(samples))


def judged(blobs: Blobs, unit: UnitRun, subject: Subject = SUBJECT) -> list[tuple[str, bool, str | None]]:
    found = device_parity(unit, subject, REFERENCE, blobs)
    assert not isinstance(found, str), found
    return [(each.input, each.passed, each.reason) for each in found]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_equal_outputs_pass_in_any_type_and_order(blobs, dtype: str) -> None:
    backwards = dict(reversed(EXPECTED.items()))
    assert judged(blobs, sent(blobs, backwards, dtype)) == [("dog", True, None), ("cat", True, None)]


def test_the_outputs_of_another_sample_are_found(blobs) -> None:
    exchanged = {"cat": EXPECTED["dog"], "dog": EXPECTED["cat"]}
    assert [passed for _, passed, _ in judged(blobs, sent(blobs, exchanged))] == [False, False]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, "1 of its 4 values are NaN"),
        (np.inf, "1 of its 4 values are infinite"),
        (1.02, "its PSNR of 54.0 dB is below 60 dB"),
    ],
)
def test_a_number_that_is_off_is_named(blobs, value: float, reason: str) -> None:
    """One of the second sample: the first passes."""
    outputs = {name: {"logits": array["logits"].copy()} for name, array in EXPECTED.items()}
    outputs["dog"]["logits"][0, 1] = value if not np.isfinite(value) else 0.5 + 6 * 2 * 10 ** (-54 / 20)
    assert judged(blobs, sent(blobs, outputs)) == [("cat", True, None), ("dog", False, reason)]


def test_an_output_that_was_not_sent_fails(blobs) -> None:
    ((_, passed, reason),) = judged(blobs, sent(blobs, {"cat": {"other": EXPECTED["cat"]["logits"]}}))
    assert (passed, reason) == (False, "the artifact gives no output `logits`; its tensors: `other`")


def test_no_outputs_and_no_known_sample_are_reasons(blobs) -> None:
    assert device_parity(UnitRun("all"), SUBJECT, REFERENCE, blobs) == "the device sent no outputs"
    unknown = sent(blobs, {"bird": EXPECTED["cat"]})
    assert device_parity(unknown, SUBJECT, REFERENCE, blobs) == "no sample of the device has a reference"


def test_bytes_that_are_not_there_or_are_too_few_are_a_reason(blobs) -> None:
    missing = "the bytes of output logits are not there"
    unit = sent(blobs, EXPECTED)
    blobs.find(unit.outputs[1].outputs[0].sha256).unlink()
    assert device_parity(unit, SUBJECT, REFERENCE, blobs) == missing
    for tensor in (
        TensorContent("logits", "float32", (1, 4), blobs.add(b"short"), 16),
        TensorContent("logits", "float32", (1, 4), blobs.add(b"twenty bytes of them"), 20),
        TensorContent("logits", "float32", (1, 4), hashlib.sha256(b"never sent").hexdigest(), 16),
    ):
        changed = UnitRun("all", outputs=(SampleOutputs("cat", (tensor,)),))
        assert device_parity(changed, SUBJECT, REFERENCE, blobs) == missing


def test_the_reference_of_a_subject_is_found_by_its_hash_and_the_size_that_was_chosen(blobs, tmp_path) -> None:
    samples = tuple(Sample(name, {"x": np.zeros(1, np.float32)}) for name in ("8x8/cat", "16x16/cat"))
    save(Reference(samples, tuple(EXPECTED.values())), tmp_path / "reference.npz")
    digest, _ = blobs.add_file(tmp_path / "reference.npz")
    found = subject_reference(Subject("m", "float16", 60.0, reference=digest, prefix="16x16/"), blobs)
    assert [sample.name for sample in found.samples] == ["16x16/cat"]
    assert found.outputs[0]["logits"].tolist() == EXPECTED["dog"]["logits"].tolist()
    assert subject_reference(None, blobs) == "the job is not of this store, so there is no reference here"
    assert subject_reference(SUBJECT, blobs) == "the reference outputs are not there"
