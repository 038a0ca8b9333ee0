"""What goes in and comes out: types, defaults, grey images, states of several functions, the newest operator set."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from PIL import Image

from mobiledeploy import mil
from mobiledeploy.errors import InputError
from mobiledeploy.mil import Feature
from mobiledeploy.mil.feature_value import from_tensor
from mobiledeploy.mil.schema import message_class

GRAY, GRAY16 = 10, 40
HIGH = 2**31 - 1


def described(path, change):
    """The package at `path`, its description changed."""
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    change(message.description)
    file.write_bytes(message.SerializeToString())
    return path


def image_output(color):
    def change(description) -> None:
        kind = description.output[0].type.imageType
        kind.width, kind.height, kind.colorSpace = 8, 6, color

    return change


def test_a_grey_image_of_halves_is_of_mode_f_and_rounded_to_fp16(package) -> None:
    given = np.zeros((1, 1, 6, 8), np.float16)
    inputs = [ct.ImageType("x", shape=given.shape, color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)]
    path = package(lambda x: mb.add(x=x, y=np.float16(0.5), name="y"), {"x": given}, inputs=inputs)
    model = mil.load(described(path, image_output(GRAY16)))
    (feature,) = model.inputs
    assert (feature.color, feature.dtype, feature.shape) == ("GRAYSCALE_FLOAT16", "float16", (6, 8))
    values = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32) * 100
    picture = model.predict({"x": Image.fromarray(values)})["y"]
    assert picture.mode == "F"
    np.testing.assert_array_equal(np.asarray(picture), values.astype(np.float16) + np.float16(0.5))


def test_a_grey_image_output_is_of_mode_l_rounds_and_saturates(package) -> None:
    given = np.zeros((1, 1, 6, 8), np.float32)
    inputs = [ct.ImageType("x", shape=given.shape, color_layout=ct.colorlayout.GRAYSCALE)]
    path = package(lambda x: mb.linear_activation(x=x, alpha=2.0, beta=-10.4, name="y"), {"x": given}, inputs=inputs)
    values = np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)
    picture = mil.load(described(path, image_output(GRAY))).predict({"x": Image.fromarray(values)})["y"]
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), np.clip(values * 2.0 - 10, 0, 255))


DEFAULTS = [
    (np.int32, 7, {}, 7),
    (np.int32, 7, {"x": [1, 2, 3]}, [1, 2, 3]),
    (np.float16, 0.1, {}, float(np.float16(0.1))),
    (np.float32, -1.5, {}, -1.5),
]


@pytest.mark.parametrize(("dtype", "default", "given", "expected"), DEFAULTS)
def test_an_optional_input_of_every_type_has_its_default(package, dtype, default, given, expected) -> None:
    values = np.full(3, default, dtype)
    inputs = [ct.TensorType("x", shape=(3,), dtype=dtype, default_value=values)]
    model = mil.load(package(lambda x: mb.mul(x=x, y=dtype(1), name="y"), {"x": values}, inputs=inputs))
    np.testing.assert_array_equal(model.predict(given)["y"], np.broadcast_to(expected, 3))


def test_a_default_that_fp16_does_not_hold_is_rounded(package) -> None:
    def change(description) -> None:
        kind = description.input[0].type
        kind.isOptional = True
        kind.multiArrayType.floatDefaultValue = 0.1

    path = package(lambda x: mb.identity(x=mb.mul(x=x, y=np.float16(1)), name="y"), {"x": np.zeros(3, np.float16)})
    model = mil.load(described(path, change))
    np.testing.assert_array_equal(model.predict({})["y"], np.full(3, np.float16(0.1), np.float32))


def test_an_optional_input_without_a_default_is_zeros(package) -> None:
    def change(description) -> None:
        description.input[0].type.isOptional = True

    path = package(lambda x: mb.add(x=x, y=1.0, name="y"), {"x": np.zeros(3, np.float32)})
    np.testing.assert_array_equal(mil.load(described(path, change)).predict({})["y"], np.ones(3))


FITTING = [
    np.array([1.9, -1.9, HIGH + 0.5], np.float64),
    np.array([0, 0, -HIGH - 1.5], np.float64),
    np.array([1, -1, HIGH], np.int64),
    np.array([1, 255, 0], np.uint8),
    np.array([1, 65535, 0], np.uint16),
    np.array([True, False, True]),
    np.array([1.5, -2, 3], np.longdouble),
]


@pytest.mark.parametrize("given", FITTING, ids=lambda array: array.dtype.name)
def test_an_integer_input_takes_whatever_it_can_hold(package, given) -> None:
    model = mil.load(package(lambda x: mb.mul(x=x, y=1, name="y"), {"x": np.zeros(3, np.int32)}))
    np.testing.assert_array_equal(model.predict({"x": given})["y"], np.trunc(given.astype(np.float64)))


@pytest.mark.parametrize("wrong", [2.0**31, -(2.0**31) - 1, np.nan, np.inf, 2**40, -(2**63)])
def test_numbers_that_an_integer_input_cannot_hold_are_refused(package, wrong) -> None:
    model = mil.load(package(lambda x: mb.mul(x=x, y=1, name="y"), {"x": np.zeros(3, np.int32)}))
    with pytest.raises(InputError, match=r"it holds numbers beyond int32's -2147483648\.\.2147483647"):
        model.predict({"x": np.array([0, 0, wrong])})


def test_a_half_input_rounds_what_it_is_given_and_overflows_to_infinity(package) -> None:
    model = mil.load(package(lambda x: mb.mul(x=x, y=np.float16(1), name="y"), {"x": np.zeros(4, np.float16)}))
    found = model.predict({"x": np.array([1 / 3, 65519, 65520, -1e30])})["y"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [np.float16(1 / 3), 65504, np.inf, -np.inf])


def test_the_operator_set_of_ios_26_and_its_arrays_of_int8(package) -> None:
    """Bytes go in and come out as bytes."""

    def build(x):
        numbers = mb.cast(x=x, dtype="fp32")
        return mb.cast(x=mb.mul(x=numbers, y=3.0), dtype="int8", name="y")

    path = package(
        build,
        {"x": mb.TensorSpec((4,), types.int8)},
        opset="iOS26",
        inputs=[ct.TensorType("x", shape=(4,), dtype=np.int8)],
        outputs=[ct.TensorType("y", dtype=np.int8)],
        pass_pipeline=ct.PassPipeline.DEFAULT,
    )
    model = mil.load(path)
    assert model.function.opset == "CoreML9"
    assert (model.inputs[0].dtype, model.outputs[0].dtype) == ("int8", "int8")
    found = model.predict({"x": np.array([-128, -1, 5, 127])})["y"]
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, [-128, -3, 15, 127])
    with pytest.raises(InputError, match=r"it holds numbers beyond int8's -128\.\.127"):
        model.predict({"x": np.array([0, 0, 0, 128])})


SCALARS = [
    (torch.tensor(True), None, np.int32, 1),
    (torch.tensor(7, dtype=torch.uint8), None, np.int32, 7),
    (torch.tensor(-3, dtype=torch.int16), "int32", np.int32, -3),
    (torch.tensor(-3, dtype=torch.int8), "int8", np.int8, -3),
    (torch.tensor(0.1), "float16", np.float32, np.float32(0.1)),
    (torch.tensor(0.1), "float64", np.float64, float(np.float32(0.1))),
]


@pytest.mark.parametrize(("value", "declared", "dtype", "expected"), SCALARS)
def test_a_scalar_comes_back_with_the_shape_1_in_a_type_of_core_ml(value, declared, dtype, expected) -> None:
    """Core ML's arrays know no booleans and no other integers than int32 and int8."""
    found = from_tensor(Feature("y", "multiarray", (), declared), value)
    assert (found.shape, found.dtype) == ((1,), dtype)
    assert found.item() == expected


@pytest.fixture
def two_functions(package, tmp_path):
    """`up` adds the input to a state of halves, `down` subtracts it."""
    description = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("up", 1), ("down", -1)):

        def build(x, total, factor=factor):
            value = mb.add(x=mb.read_state(input=total), y=mb.mul(x=x, y=np.float16(factor)))
            mb.coreml_update_state(state=total, value=value)
            return mb.mul(x=value, y=np.float16(1), name="y")

        given = {"x": np.zeros(3, np.float16), "total": mb.StateTensorSpec((3,), types.fp16)}
        description.add_function(str(package(build, given, name=name, opset="iOS18")), "main", name)
    description.default_function_name = "up"
    ct.utils.save_multifunction(description, str(tmp_path / "both.mlpackage"))
    return tmp_path / "both.mlpackage"


def test_the_functions_of_a_package_share_a_state(two_functions) -> None:
    up, down = mil.load(two_functions, "up"), mil.load(two_functions, "down")
    state = up.make_state()
    found = [model.predict({"x": [1, 2, 3]}, state)["y"] for model in (up, up, down)]
    np.testing.assert_array_equal(found, np.outer([1, 2, 1], [1, 2, 3]))


def test_a_state_of_halves_holds_halves_and_is_read_as_float32(two_functions) -> None:
    model = mil.load(two_functions)
    state = model.make_state()
    state.write_state("total", np.array([1 / 3, 70000, 2048]))
    read = state.read_state("total")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, [np.float16(1 / 3), np.inf, 2048])
    read[:] = 0
    assert state.read_state("total")[2] == 2048
    # 2049 is none
    assert model.predict({"x": np.ones(3)}, state)["y"][2] == 2048


def test_the_state_of_another_model_is_refused(package, two_functions) -> None:
    given = {"x": np.zeros(4, np.float16), "total": mb.StateTensorSpec((4,), types.fp16)}
    other = mil.load(
        package(lambda x, total: mb.add(x=mb.read_state(input=total), y=x, name="y"), given, opset="iOS18")
    )
    with pytest.raises(InputError, match=r"state 'total' is fp16\(4\), the model keeps fp16\(3\)"):
        mil.load(two_functions).predict({"x": np.ones(3)}, other.make_state())


@pytest.mark.parametrize(
    ("value", "message"),
    [("abc", "it holds <U3, expected numbers"), ([[1], [2, 3]], "it holds object, expected"), (1j, "holds complex128")],
)
def test_what_is_no_array_is_not_written_into_a_state(two_functions, value, message) -> None:
    with pytest.raises(InputError, match=message):
        mil.load(two_functions).make_state().write_state("total", value)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_probabilities_of_either_type_come_by_label(package, dtype) -> None:
    x = np.array([[0.0, 2.0, 1.0]], dtype)
    labels = [2**40, -5, 7]
    path = package(lambda x: mb.softmax(x=x, name="scores"), {"x": x}, classifier_config=ct.ClassifierConfig(labels))
    found = mil.load(path).predict({"x": x})
    assert found["classLabel"] == -5
    probabilities = found["classLabel_probs"]
    assert list(probabilities) == labels
    assert all(type(value) is float for value in probabilities.values())
    expected = (np.exp(x[0].astype(np.float64)) / np.exp(x[0].astype(np.float64)).sum()).astype(dtype)
    np.testing.assert_allclose(list(probabilities.values()), expected, rtol=1e-6 if dtype is np.float32 else 1e-3)
