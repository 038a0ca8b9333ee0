"""A classifier on the phone: its probabilities come as one array in the order of the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_process import answers

from mobiledeploy.campaign.device_parity import device_parity, subject_reference
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.cli import main
from mobiledeploy.records import SampleOutputs, TensorContent, UnitRun
from mobiledeploy.server.blobs import Blobs


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, exported):
    """Four classes."""
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "labels.txt").write_text("crane\ndog\nheron\ncat\n")
    net = (Path(__file__).parents[1] / "server" / "tiny_network.py").read_text()
    (folder / "nets.py").write_text(net.replace("self.head(self.conv(x).relu().mean((2, 3)))", FORWARD))
    arguments = ["--labels", str(folder / "labels.txt"), "--output", str(folder), "--name", "net"]
    assert main(["export", f"{folder / 'nets.py'}:Tiny", *arguments]) == 0
    return folder / "net"


FORWARD = "3 * self.head(self.conv(x).relu().mean((2, 3)))"


@pytest.mark.parametrize(
    ("order", "distinct", "passed"),
    [
        ([0, 1, 2, 3], (0, 1, 2, 3), True),
        ([0, 3, 2, 1], (0, 1, 2, 3), False),
        ([2, 1, 2, 3], (0, 1, 2, 3), False),
        # two classes of one label: the dictionary has one number for both, whichever it is
        ([2, 1, 2, 3], (1, 3), True),
        ([0, 3, 2, 1], (1, 3), False),
    ],
)
def test_the_probabilities_of_a_device_are_compared(classifier, tmp_path, order, distinct, passed) -> None:
    blobs = Blobs(tmp_path / "blobs")
    (prepared,) = prepare(classifier, blobs)
    assert (prepared.subject.labels, prepared.subject.distinct_classes) == (4, (0, 1, 2, 3))
    subject = replace(prepared.subject, distinct_classes=distinct)
    sent = []
    for sample, outputs in answers(classifier).items():
        tensors = []
        for name, scores in outputs.items():
            flat = name == "probabilities"
            content = np.ascontiguousarray(scores[0][order] if flat else scores, "<f4").tobytes()
            shape = (4,) if flat else scores.shape
            digest = blobs.add(content)
            tensors.append(TensorContent(name, "float32", shape, digest, len(content)))
        assert "probabilities" in outputs
        sent.append(SampleOutputs(sample, tuple(tensors)))
    reference = subject_reference(subject, blobs)
    found = device_parity(UnitRun("all", outputs=tuple(sent)), subject, reference, blobs)
    judged = [each.passed for each in found if each.output == "probabilities"]
    assert judged == [passed] * len(sent)
