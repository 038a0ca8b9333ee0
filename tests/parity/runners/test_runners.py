"""Every runner gives the original's outputs for real packages: pictures in each colour order, tensors, labels."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mobiledeploy.errors import HostError, InputError, PackageError
from mobiledeploy.parity.check import bar_for, check
from mobiledeploy.parity.reference import Reference
from mobiledeploy.parity.runners import table
from mobiledeploy.parity.runners.classifier import Classifier, output_arrays, package_classifier
from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PREDICTED_CLASS, PROBABILITIES
from mobiledeploy.parity.samples import Sample
from mobiledeploy.records import InputSpec, Preprocessing

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Net(nn.Module):
    """Each channel counts differently, so that an exchanged colour order shows."""

    def __init__(self, channels: int = 3, classes: int = 12) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(channels, 16, 3, stride=2, padding=1)
        self.head = nn.Linear(16, classes)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.embedding.weight.data = torch.arange(12.0).reshape(4, 3) / 7

    def forward(self, picture: torch.Tensor, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        scales = self.embedding(indices).mean(1)
        return {"scaled": picture * scales[:, :, None, None], "total": scales.sum()}


def image(channels=3, color="RGB"):
    mean, std = (IMAGENET[0][:channels], IMAGENET[1][:channels])
    return (InputSpec("image", (1, channels, 32, 32), kind="image", preprocessing=Preprocessing(mean, std, color)),)


TENSOR = (InputSpec("x", (1, 3, 32, 32)),)
PAIR = (InputSpec("picture", (2, 3, 8, 8)), InputSpec("indices", (2, 3), "int32"))
RUNNERS = [("mil", "coreml"), ("onnxruntime", "onnx")]


@pytest.mark.parametrize(("runner", "target"), RUNNERS)
@pytest.mark.parametrize(
    ("channels", "inputs"),
    [(3, image()), (3, image(color="BGR")), (1, image(1, "GRAYSCALE")), (3, TENSOR)],
    ids=["RGB", "BGR", "GRAYSCALE", "tensor"],
)
def test_pictures_and_tensors_reach_the_model_as_they_reached_the_original(convert, runner, target, channels, inputs):
    converted = convert(Net(channels), inputs, target=target, precision="float32")
    report = check(converted.path, converted.reference, inputs, runner=runner, precision="float32")
    assert report.passed, report
    assert report.psnr_db > 90.0
    assert (report.artifact, report.runner, report.bar_db) == (converted.path.name, runner, 90.0)
    assert [(o.input, o.output, o.top1) for o in report.outputs] == [
        ("grace_hopper", "logits", True),
        ("natural", "logits", True),
    ]


@pytest.mark.parametrize(("runner", "target"), RUNNERS)
def test_a_wrong_colour_order_would_fail(convert, runner, target):
    converted = convert(Net(), image(), target=target, precision="float32")
    wrong = tuple({"image": sample.arrays["image"][:, :, ::-1]} for sample in converted.reference.samples)
    predict = table.runner_named(runner).open(converted.path, converted.inputs)
    for arrays, outputs in zip(wrong, converted.reference.outputs, strict=True):
        assert np.abs(predict(arrays)["logits"] - outputs["logits"]).max() > 0.01


@pytest.mark.parametrize(("runner", "target"), RUNNERS)
def test_batches_integers_and_scalars(convert, runner, target):
    converted = convert(TwoInputs(), PAIR, target=target, precision="float32")
    report = check(converted.path, converted.reference, PAIR, runner=runner, precision="float32")
    assert report.passed, report
    assert [o.output for o in report.outputs] == ["scaled", "total"] * 2


def test_an_fp16_package_is_executed_in_fp16(convert):
    converted = convert(Net(), image())
    report = check(converted.path, converted.reference, converted.inputs, runner="mil", precision="float16")
    assert report.passed, report
    assert 40.0 < report.psnr_db < 90.0


def test_every_run_is_the_same_to_the_bit(convert):
    for runner, target in RUNNERS:
        converted = convert(Net(), image(), target=target, precision="float32")
        sample = converted.reference.samples[0].arrays
        open_ = table.runner_named(runner).open
        first, second = (open_(converted.path, converted.inputs)(sample)["logits"] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float32


LABELS = tuple(f"class {i}" for i in range(12))


def test_a_classifiers_label_and_probabilities_are_compared_too(convert):
    converted = convert(Net(), image(), labels=LABELS)
    assert package_classifier(converted.path) == Classifier("classLabel", LABELS)
    report = check(converted.path, converted.reference, converted.inputs, runner="mil", precision="float16")
    assert report.passed, report
    assert [o.output for o in report.outputs] == ["logits", "probabilities"] * 2
    assert {o.top1 for o in report.outputs} == {True}


def test_the_predicted_class_is_the_position_of_its_label(convert):
    converted = convert(Net(), image(), labels=LABELS)
    predict = table.runner_named("mil").open(converted.path, converted.inputs)
    for sample, outputs in zip(converted.reference.samples, converted.reference.outputs, strict=True):
        assert predict(sample.arrays)[PREDICTED_CLASS].tolist() == [int(np.argmax(outputs["logits"]))]


def test_a_package_without_labels_is_no_classifier(convert):
    assert package_classifier(convert(Net(), image()).path) is None


def test_repeated_labels_are_left_out_of_the_probabilities():
    classifier = Classifier("label", ("a", "b", "a", "c"))
    found = output_arrays({"label": "a", "probs": {"a": 0.5, "b": 0.2, "c": 0.3}, "y": np.float16([1.5])}, classifier)
    assert found[PREDICTED_CLASS].tolist() == [0, 2]
    assert found[DISTINCT_CLASSES].tolist() == [1, 3]
    np.testing.assert_array_equal(found[PROBABILITIES], np.float32([[0.2, 0.3]]))
    assert found["y"].dtype == np.float32


def test_a_label_that_no_class_bears_and_a_missing_probability_fail_the_comparison():
    found = output_arrays({"label": 7, "probs": {0: 1.0}}, Classifier("label", (0, 1)))
    assert found[PREDICTED_CLASS].size == 0
    assert np.isnan(found[PROBABILITIES][0, 1])


def test_core_ml_elsewhere_than_on_a_mac_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(HostError, match=r"Core ML runs on macOS only Use --runner mil") as caught:
        table.runner_named("coreml").open(tmp_path, ())
    assert caught.value.exit_code == 5


@pytest.fixture
def mac(monkeypatch):
    """A Mac whose Core ML is our executor: everything but the framework itself is run."""
    import coremltools

    from mobiledeploy import mil

    class StandIn:
        def __init__(self, path: str, compute_units: object, function_name: str | None) -> None:
            assert compute_units is coremltools.ComputeUnit.ALL
            self.model = mil.load(path, function_name)

        def predict(self, inputs):
            return self.model.predict(inputs)

    def begin() -> type:
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setattr(coremltools.models, "MLModel", StandIn)
        return StandIn

    return begin


def test_on_a_mac_the_package_goes_through_core_ml(convert, mac):
    converted = convert(Net(), image(color="BGR"), labels=LABELS)
    mac()
    report = check(converted.path, converted.reference, converted.inputs, runner="coreml", precision="float16")
    assert report.passed, report
    assert report.runner == "coreml"
    assert {o.top1 for o in report.outputs} == {True}


def test_on_a_mac_a_refusal_of_core_ml_is_the_hosts(convert, mac, monkeypatch):
    converted = convert(Net(), image())
    stand_in = mac()

    def refuse(self, inputs):
        raise RuntimeError("Unable to compute the prediction using ML Program.")

    monkeypatch.setattr(stand_in, "predict", refuse)
    predict = table.runner_named("coreml").open(converted.path, converted.inputs)
    with pytest.raises(HostError, match="Core ML cannot predict: Unable to compute"):
        predict(converted.reference.samples[0].arrays)

    def fail(self, path, compute_units, function_name):
        raise OSError("no such model")

    monkeypatch.setattr(stand_in, "__init__", fail)
    with pytest.raises(PackageError, match=r"Core ML cannot load net-float16\.mlpackage: no such model"):
        table.runner_named("coreml").open(converted.path, converted.inputs)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "onnxruntime cannot load m.onnx: "),
        (b"", "onnxruntime cannot load m.onnx: "),
        (b"no model", "onnxruntime cannot load m.onnx: "),
    ],
)
def test_a_file_that_is_no_onnx_model_is_refused(tmp_path, content, what):
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackageError) as caught:
        table.runner_named("onnxruntime").open(path, TENSOR)
    assert caught.value.what.startswith(what)
    assert str(tmp_path) not in caught.value.what
    assert caught.value.where == str(path)


def test_an_onnx_model_of_other_inputs_is_refused(convert):
    converted = convert(Net(), TENSOR, target="onnx", precision="float32")
    with pytest.raises(PackageError, match=r"takes the inputs x; the samples are for picture"):
        table.runner_named("onnxruntime").open(converted.path, PAIR[:1])


def test_an_onnx_model_of_other_shapes_is_refused(convert):
    converted = convert(Net(), TENSOR, target="onnx", precision="float32")
    predict = table.runner_named("onnxruntime").open(converted.path, TENSOR)
    with pytest.raises(PackageError, match=r"onnxruntime cannot execute net-float32\.onnx: "):
        predict({"x": np.zeros((1, 3, 8, 8), np.float32)})


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"y": np.zeros((32, 32, 3), np.uint8)}, "y 32x32x3"),
        ({"image": np.zeros((16, 32, 3), np.uint8)}, "image 16x32x3"),
        ({"image": np.zeros((1, 3, 32, 32), np.float32)}, "image 1x3x32x32"),
        ({}, "none"),
    ],
)
def test_a_reference_of_other_inputs_is_refused(tmp_path, arrays, found):
    reference = Reference((Sample("s", arrays),), ({"logits": np.zeros((1, 2), np.float32)},))
    with pytest.raises(PackageError) as caught:
        check(tmp_path, reference, image(), runner="mil", precision="float16")
    expected = f"the reference's sample 's' has the inputs {found}; the model takes image 32x32x3"
    assert caught.value.what == expected


def test_a_folder_that_is_no_package_is_refused(tmp_path):
    with pytest.raises(PackageError):
        table.runner_named("mil").open(tmp_path, TENSOR)


def test_an_unknown_runner_is_refused_with_the_known_ones():
    with pytest.raises(
        InputError, match=r"no runner is called 'tflite' \(--runner\) Use one of mil, coreml, onnxruntime"
    ):
        table.runner_named("tflite")


def test_an_unknown_precision_has_no_bar():
    with pytest.raises(InputError, match=r"for precision 'int4' Use one of float16, float32, mixed"):
        bar_for("int4")


def test_every_runner_of_the_folder_is_in_the_table():
    folder = Path(table.__file__).parent
    names = {
        statement.value.value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Runner")
        for statement in node.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "name"
    }
    assert names == {runner.name for runner in table.RUNNERS}
    assert len(names) == len(table.RUNNERS) == 3


def test_the_table_imports_no_runtime():
    code = "import sys, mobiledeploy.parity.check; print({'onnxruntime', 'coremltools', 'onnx'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
