"""Class labels: Core ML's own predicted label and probabilities, and the logits beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_programs import IMAGE, Classifier, example, largest_difference, program_of, specification_of

from mobiledeploy import mil
from mobiledeploy.aten.evaluate import evaluate
from mobiledeploy.aten.exported import to_exported_program
from mobiledeploy.records import InputSpec
from mobiledeploy.targets.coreml_classifier import add_classifier, distinct
from mobiledeploy.targets.quiet import silenced

Convert = Callable[..., Path]
LABELS = ("cat", "crane", "dog", "crane")


@pytest.fixture
def package(convert: Convert) -> Path:
    return convert(program_of(Classifier(), IMAGE, labels=LABELS), "coreml", precision="float32", labels=LABELS)


def test_the_description_is_a_classifiers_with_its_logits(package: Path) -> None:
    description = specification_of(package).description
    kinds = {feature.name: feature.type.WhichOneof("Type") for feature in description.output}
    assert kinds == {"classLabel": "stringType", "probabilities": "dictionaryType", "logits": "multiArrayType"}
    assert description.predictedFeatureName == "classLabel"
    assert description.predictedProbabilitiesName == "probabilities"


def test_it_predicts_the_label_the_probabilities_and_the_logits(package: Path) -> None:
    pixels = example(IMAGE)
    logits, probabilities = evaluate(program_of(Classifier(), IMAGE, labels=LABELS), (pixels,), dtype=torch.float32)
    outputs: Any = mil.load(package).predict({"image": pixels[0].permute(1, 2, 0).numpy().astype(np.uint8)})
    assert outputs["classLabel"] == distinct(LABELS)[int(logits.argmax())]
    assert list(outputs["probabilities"]) == ["cat", "crane", "dog", "crane (class 3)"]
    assert largest_difference(list(outputs["probabilities"].values()), probabilities[0]) < 1e-6
    assert largest_difference(outputs["logits"], logits) < 1e-5


def test_equal_labels_become_distinct_keys() -> None:
    assert distinct(("a", "b", "a", "a")) == ["a", "b", "a (class 2)", "a (class 3)"]


def test_the_operator_is_the_one_that_coremltools_makes() -> None:
    """coremltools' own classifier, without further outputs, is the model of ours: the same message but for names."""
    import coremltools as ct

    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(-1)).eval()
    exported = to_exported_program(program_of(network, InputSpec("x", (1, 4))))

    def made(**options: Any) -> Any:
        with silenced("coremltools"):
            target = ct.target.iOS16
            return ct.convert(exported, minimum_deployment_target=target, skip_model_load=True, **options).get_spec()

    theirs = made(classifier_config=ct.ClassifierConfig(["a", "b", "c"]))
    ours = made(outputs=[ct.TensorType(name="probability_array", dtype=np.float32)])
    add_classifier(ours, ("a", "b", "c"))
    expected, operation = classify_of(theirs), classify_of(ours)
    expected.inputs["probabilities"].arguments[0].name = "probability_array"
    expected.attributes["name"].CopyFrom(operation.attributes["name"])
    expected.outputs[1].name = "probabilities"
    assert operation == expected
    theirs.description.output[1].name = "probabilities"
    assert list(ours.description.output) == list(theirs.description.output)


def classify_of(specification: Any) -> Any:
    (block,) = specification.mlProgram.functions["main"].block_specializations.values()
    (operation,) = [operation for operation in block.operations if operation.type == "classify"]
    return operation
