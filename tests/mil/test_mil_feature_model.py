"""The models of pipelines that are no programs, against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobiledeploy import mil
from mobiledeploy.errors import InputError, MobileDeployError, PackageError
from mobiledeploy.mil.schema import message_class

FLOAT32, DOUBLE = 65568, 65600


def array(features, name, shape=(), dtype=DOUBLE) -> None:
    kind = features.add(name=name).type.multiArrayType
    kind.shape.extend(shape)
    kind.dataType = dtype


def number(features, name, *, optional=False) -> None:
    feature = features.add(name=name)
    feature.type.doubleType.SetInParent()
    feature.type.isOptional = optional


@pytest.fixture
def pipeline(tmp_path):
    """Writes the pipeline of the one model that `fill` describes, and loads it."""

    def make(fill):
        message = message_class("Model")(specificationVersion=3)
        member = message.pipeline.models.add()
        fill(member)
        message.description.CopyFrom(member.description)
        (tmp_path / "pipeline.mlmodel").write_bytes(message.SerializeToString())
        return mil.load(tmp_path / "pipeline.mlmodel")

    return make


def one_to_one(model) -> None:
    array(model.description.input, "x")
    array(model.description.output, "y")


def scaler(shift, scale):
    def fill(model) -> None:
        one_to_one(model)
        model.scaler.shiftValue.extend(shift)
        model.scaler.scaleValue.extend(scale)
        model.scaler.SetInParent()

    return fill


def normalizer(norm):
    def fill(model) -> None:
        one_to_one(model)
        model.normalizer.SetInParent()
        model.normalizer.normType = norm

    return fill


def extractor(*indices):
    def fill(model) -> None:
        one_to_one(model)
        model.arrayFeatureExtractor.extractIndex.extend(indices)

    return fill


def identity(model) -> None:
    one_to_one(model)
    model.identity.SetInParent()


CASES = [
    (scaler([1.0], [2.0]), [1.0, -3.0], [4.0, -4.0]),
    (scaler([1.0, 2.0], [2.0, 10.0]), [1.0, -3.0], [4.0, -10.0]),
    (scaler([], [0.5]), [1.0, -3.0], [0.5, -1.5]),
    (scaler([5.0], []), [1.0, -3.0], [6.0, 2.0]),
    (normalizer(0), [1.0, -4.0, 2.0], [0.25, -1.0, 0.5]),
    (normalizer(1), [1.0, -4.0, 3.0], [0.125, -0.5, 0.375]),
    (normalizer(2), [3.0, -4.0], [0.6, -0.8]),
    (normalizer(2), [0.0, 0.0], [0.0, 0.0]),
    (extractor(2, 0, 2), [10.0, 20.0, 30.0], [30.0, 10.0, 30.0]),
    (identity, [1.0, 2.0], [1.0, 2.0]),
]


@pytest.mark.parametrize(("fill", "x", "expected"), CASES)
def test_values(pipeline, fill, x, expected) -> None:
    found = pipeline(fill).predict({"x": np.array(x)})["y"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_a_vectorizer_puts_numbers_and_arrays_one_after_the_other(pipeline) -> None:
    def fill(model) -> None:
        number(model.description.input, "a")
        array(model.description.input, "b", (2,))
        array(model.description.output, "y", (3,))
        for name, size in (("b", 2), ("a", 1)):
            model.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=size)

    model = pipeline(fill)
    np.testing.assert_array_equal(model.predict({"a": 7, "b": [1.0, 2.0]})["y"], [1.0, 2.0, 7.0])
    with pytest.raises(InputError, match="input 'b' has 3 elements, expected 2"):
        model.predict({"a": 7, "b": [1.0, 2.0, 3.0]})


WRONG = [
    (scaler([1.0, 2.0], []), [1.0, 2.0, 3.0], "the features do not fit: ValueError: cannot reshape"),
    (extractor(3), [1.0], "the features do not fit: IndexError: index 3 is out of bounds"),
    (scaler([1.0], []), ["a"], "the features do not fit: ValueError: could not convert string to float"),
]


@pytest.mark.parametrize(("fill", "x", "message"), WRONG)
def test_features_that_do_not_fit_are_named(pipeline, fill, x, message) -> None:
    with pytest.raises(InputError, match=message):
        pipeline(fill).predict({"x": x})


def test_a_model_whose_description_does_not_fit_is_refused(pipeline) -> None:
    def two_outputs(model) -> None:
        one_to_one(model)
        array(model.description.output, "z")
        model.scaler.SetInParent()

    with pytest.raises(PackageError, match="its description does not fit the model"):
        pipeline(two_outputs)
    with pytest.raises(PackageError, match="norm 9 is not known"):
        pipeline(normalizer(9))


def suppression(*, by_class=False, low=0, high=-1, shape=(), dtype=DOUBLE):
    def fill(model) -> None:
        description = model.description
        array(description.input, "raw_confidence", dtype=dtype)
        array(description.input, "raw_coordinates", dtype=dtype)
        for name in ("iou", "least"):
            number(description.input, name, optional=True)
        array(description.output, "confidence", shape, dtype)
        array(description.output, "coordinates", (), dtype)
        if (low, high) != (0, -1):
            sizes = description.output[0].type.multiArrayType.shapeRange.sizeRanges
            sizes.add(lowerBound=low, upperBound=high)
            sizes.add(lowerBound=2, upperBound=2)
        nms = model.nonMaximumSuppression
        nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = "raw_confidence", "raw_coordinates"
        nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = "confidence", "coordinates"
        nms.iouThresholdInputFeatureName, nms.confidenceThresholdInputFeatureName = "iou", "least"
        nms.iouThreshold, nms.confidenceThreshold = 0.5, 0.25
        nms.pickTop.perClass = by_class

    return fill


# Boxes 0 and 1 overlap by 3 of 5 (IoU 0.6), 2 is elsewhere, 3 lies under the confidence threshold, 4 is exactly at it.
BOXES = np.array([[2, 2, 4, 2], [3, 2, 4, 2], [9, 9, 2, 2], [20, 20, 2, 2], [30, 30, 2, 2]], np.float64)
SCORES = np.array([[0.5, 0.1], [0.2, 0.7], [0.6, 0.0], [0.1, 0.2], [0.25, 0.0]], np.float64)
INPUTS = {"raw_confidence": SCORES, "raw_coordinates": BOXES}

KEPT = [
    ({}, {}, [1, 2, 4]),
    # 0 and 1 are of two classes
    ({"by_class": True}, {}, [1, 2, 0, 4]),
    ({}, {"iou": 0.59}, [1, 2, 4]),
    ({}, {"iou": 0.61}, [1, 2, 0, 4]),
    ({}, {"iou": 1.0, "least": 0.0}, [1, 2, 0, 4, 3]),
    ({}, {"least": 0.65}, [1]),
    ({}, {"least": 0.71}, []),
    ({"low": 0, "high": 2}, {}, [1, 2]),
]


@pytest.mark.parametrize(("options", "thresholds", "kept"), KEPT)
def test_the_boxes_that_suppression_keeps(pipeline, options, thresholds, kept) -> None:
    found = pipeline(suppression(**options)).predict(INPUTS | thresholds)
    np.testing.assert_array_equal(found["confidence"], SCORES[kept])
    np.testing.assert_array_equal(found["coordinates"], BOXES[kept])


@pytest.mark.parametrize("options", [{"low": 5, "high": 5}, {"low": 5, "high": -1}, {"shape": (5, 2)}])
def test_zeros_follow_where_more_boxes_must_be_given(pipeline, options) -> None:
    found = pipeline(suppression(**options)).predict(INPUTS)
    assert (found["confidence"].shape, found["coordinates"].shape) == ((5, 2), (5, 4))
    np.testing.assert_array_equal(found["confidence"][:3], SCORES[[1, 2, 4]])
    assert not found["confidence"][3:].any()
    assert not found["coordinates"][3:].any()


def test_no_boxes_at_all(pipeline) -> None:
    found = pipeline(suppression()).predict({"raw_confidence": SCORES[:0], "raw_coordinates": BOXES[:0]})
    assert (found["confidence"].shape, found["coordinates"].shape) == ((0, 2), (0, 4))


def test_boxes_come_back_in_the_declared_type(pipeline) -> None:
    found = pipeline(suppression(dtype=FLOAT32)).predict(INPUTS)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}


def test_boxes_and_confidences_that_do_not_belong_together_are_refused(pipeline) -> None:
    model = pipeline(suppression())
    for wrong in ({"raw_confidence": SCORES[:2]}, {"raw_coordinates": BOXES[:, :3]}, {"raw_confidence": SCORES[0]}):
        with pytest.raises(InputError, match=r"takes confidences \(N, classes\) and coordinates \(N, 4\)"):
            model.predict(INPUTS | wrong)
    with pytest.raises(InputError, match="input 'iou' is no number"):
        model.predict(INPUTS | {"iou": "half"})


def test_the_number_of_boxes_given_is_bounded(pipeline) -> None:
    with pytest.raises(InputError, match="larger than"):
        pipeline(suppression(low=2**40, high=2**40)).predict(INPUTS)


def encoded(fill) -> bytes:
    """The pipeline of the one model that `fill` describes."""
    message = message_class("Model")()
    member = message.pipeline.models.add()
    fill(member)
    message.description.CopyFrom(member.description)
    return message.SerializeToString()


WHOLE = [encoded(fill) for fill in (suppression(low=2, high=5), scaler([1.0], [2.0]), normalizer(2), extractor(0, 1))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from(WHOLE),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4),
    cut=st.integers(0, 10**6),
)
def test_a_damaged_model_computes_or_is_one_error(tmp_path, whole, flips, cut) -> None:
    damaged = bytearray(whole)
    for place, bits in flips:
        damaged[place % len(damaged)] ^= bits
    (tmp_path / "damaged.mlmodel").write_bytes(bytes(damaged[: len(damaged) - cut % 7]))
    values = INPUTS | {"x": np.arange(4.0)}
    try:
        model = mil.load(tmp_path / "damaged.mlmodel")
        found = model.predict({f.name: values.get(f.name, 0.5) for f in model.inputs})
    except MobileDeployError:
        return
    assert list(found) == [feature.name for feature in model.outputs]


def test_outputs_that_a_model_does_not_give_are_named(pipeline) -> None:
    def misnamed(model) -> None:
        suppression()(model)
        model.description.output[0].name = "certainty"

    with pytest.raises(PackageError, match="the model gives no output 'certainty'"):
        pipeline(misnamed).predict(INPUTS)
