"""A package as a Core ML classifier, with its other outputs kept.

    softmax ──▶ probabilities: array                         (as converted)
    softmax ──▶ classify(classes) ──▶ classLabel: string
                                 └──▶ probabilities: {label: number}

`coremltools.ClassifierConfig` cannot do it: beside a classifier it fails on any further output that has a name or a
type (an index out of range in its `get_func_output`), and apps and the parity check want the logits as well.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["CLASS_LABEL", "PROBABILITIES", "PROBABILITY_ARRAY", "add_classifier", "distinct"]

CLASS_LABEL = "classLabel"
PROBABILITIES = "probabilities"
# What the array is called inside, so that the dictionary can have the output's name.
PROBABILITY_ARRAY = "probability_array"

# Values of MIL.proto's enum DataType.
_STRING, _FLOAT64 = 2, 12


def add_classifier(specification: Any, labels: tuple[str, ...]) -> None:
    """Turns the output PROBABILITY_ARRAY (float32, one number per label) of `specification`, a Core ML Model message,
    into Core ML's predicted label and probabilities. In place."""
    (block,) = specification.mlProgram.functions["main"].block_specializations.values()
    _add_classify(block, distinct(labels))
    outputs = [name for name in block.outputs if name != PROBABILITY_ARRAY]
    block.outputs[:] = [CLASS_LABEL, PROBABILITIES, *outputs]
    _describe(specification.description)


def distinct(labels: tuple[str, ...]) -> list[str]:
    """Labels that can be a dictionary's keys: of equal ones (ImageNet has two cranes) all but the first say which class
    they are."""
    seen: Counter[str] = Counter()
    result = []
    for index, label in enumerate(labels):
        result.append(f"{label} (class {index})" if seen[label] else label)
        seen[label] += 1
    return result


def _add_classify(block: Any, labels: list[str]) -> None:
    operation = block.operations.add(type="classify")
    operation.inputs["probabilities"].arguments.add(name=PROBABILITY_ARRAY)
    classes = operation.inputs["classes"].arguments.add().value
    classes.type.listType.type.tensorType.dataType = _STRING
    classes.type.listType.length.constant.size = len(labels)
    for label in labels:
        value = classes.immediateValue.list.values.add()
        value.type.tensorType.dataType = _STRING
        value.immediateValue.tensor.strings.values.append(label)
    operation.outputs.add(name=CLASS_LABEL).type.tensorType.dataType = _STRING
    dictionary = operation.outputs.add(name=PROBABILITIES).type.dictionaryType
    dictionary.keyType.tensorType.dataType = _STRING
    dictionary.valueType.tensorType.dataType = _FLOAT64
    name = operation.attributes["name"]
    name.type.tensorType.dataType = _STRING
    name.immediateValue.tensor.strings.values.append("classify_probabilities")


def _describe(description: Any) -> None:
    features = [feature for feature in description.output if feature.name != PROBABILITY_ARRAY]
    kept = [type(feature).FromString(feature.SerializeToString()) for feature in features]
    description.ClearField("output")
    description.output.add(name=CLASS_LABEL).type.stringType.SetInParent()
    description.output.add(name=PROBABILITIES).type.dictionaryType.stringKeyType.SetInParent()
    description.output.extend(kept)
    description.predictedFeatureName = CLASS_LABEL
    description.predictedProbabilitiesName = PROBABILITIES
