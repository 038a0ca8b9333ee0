"""Loading and predicting: the conventions of coremltools' MLModel.predict."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol
from PIL import Image

from mobiledeploy import mil
from mobiledeploy.errors import InputError
from mobiledeploy.mil.schema import message_class

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def test_inputs_and_outputs_are_described(package) -> None:
    model = mil.load(package(lambda x: mb.relu(x=x, name="y"), {"x": X}))
    (feature,) = model.inputs
    assert (feature.name, feature.kind, feature.shape, feature.dtype) == ("x", "multiarray", (3, 4), "float32")
    assert [output.name for output in model.outputs] == ["y"]
    assert list(model.predict({"x": X})) == ["y"]


def test_an_input_is_converted_to_the_type_of_the_program(package) -> None:
    model = mil.load(package(lambda x: mb.add(x=x, y=1), {"x": X.astype(np.int32)}))
    for value in (np.ones((3, 4)), np.ones((3, 4), np.int64), [[1] * 4] * 3, np.ones((3, 4), bool)):
        (found,) = model.predict({"x": value}).values()
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, np.full((3, 4), 2))


def test_fp16_comes_back_as_float32_booleans_and_small_integers_as_int32(package) -> None:
    def build(x):
        return mb.relu(x=x), mb.cast(x=mb.cast(x=x, dtype="uint8"), dtype="int32")

    model = mil.load(package(build, {"x": X.astype(np.float16)}))
    floats, integers = model.predict({"x": X}).values()
    assert (floats.dtype, integers.dtype) == (np.float32, np.int32)


def test_what_is_given_for_an_fp16_input_is_rounded(package) -> None:
    model = mil.load(package(lambda x: mb.cast(x=x, dtype="fp32"), {"x": X.astype(np.float16)}))
    (found,) = model.predict({"x": X}).values()
    np.testing.assert_array_equal(found, X.astype(np.float16).astype(np.float32))


def test_a_scalar_has_the_shape_one(package) -> None:
    model = mil.load(package(lambda x: mb.reduce_sum(x=x), {"x": X}))
    (found,) = model.predict({"x": X}).values()
    assert found.shape == (1,)
    np.testing.assert_allclose(found, [X.sum()], atol=1e-6)


def test_inputs_may_be_read_only_or_strided(package) -> None:
    model = mil.load(package(lambda x: mb.relu(x=x), {"x": X}))
    frozen = X.copy()
    frozen.flags.writeable = False
    for value in (frozen, np.asfortranarray(X), X[::-1][::-1]):
        np.testing.assert_array_equal(next(iter(model.predict({"x": value}).values())), np.maximum(X, 0))


WRONG = [
    ({}, "input 'x' is missing"),
    ({"x": X, "z": X}, "the model has no input 'z'"),
    ({"x": X.T}, r"its shape is \(4, 3\), expected \(3, 4\)"),
    ({"x": X[0]}, r"its shape is \(4,\), expected \(3, 4\)"),
    ({"x": np.full((3, 4), "a")}, "expected numbers"),
    ({"x": [[1, 2], [3]]}, "it is no array"),
]


@pytest.mark.parametrize(("inputs", "message"), WRONG)
def test_wrong_inputs_are_named(package, inputs, message) -> None:
    model = mil.load(package(lambda x: mb.relu(x=x), {"x": X}))
    with pytest.raises(InputError, match=message):
        model.predict(inputs)


def test_wrong_arguments_of_load(package) -> None:
    path = package(lambda x: mb.relu(x=x), {"x": X})
    with pytest.raises(InputError, match="precision is 'half'"):
        mil.load(path, precision="half")
    with pytest.raises(InputError, match="the package has no function 'other'"):
        mil.load(path, "other")


COLORS = {"RGB": ct.colorlayout.RGB, "BGR": ct.colorlayout.BGR}
PHOTO = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


@pytest.mark.parametrize("layout", COLORS)
def test_an_image_reaches_the_program_in_its_channel_order(package, layout) -> None:
    inputs = [ct.ImageType("x", shape=(1, 3, 6, 8), color_layout=COLORS[layout])]
    path = package(lambda x: mb.add(x=x, y=0.0), {"x": np.zeros((1, 3, 6, 8), np.float32)}, inputs=inputs)
    model = mil.load(path)
    (feature,) = model.inputs
    assert (feature.kind, feature.color, feature.shape) == ("image", layout, (6, 8, 3))
    channels = PHOTO.transpose(2, 0, 1)[None]
    for value in (Image.fromarray(PHOTO), PHOTO):
        (found,) = model.predict({"x": value}).values()
        np.testing.assert_array_equal(found, channels if layout == "RGB" else channels[:, ::-1])


def test_grayscale_images(package) -> None:
    inputs = [ct.ImageType("x", shape=(1, 1, 6, 8), color_layout=ct.colorlayout.GRAYSCALE)]
    path = package(lambda x: mb.add(x=x, y=0.0), {"x": np.zeros((1, 1, 6, 8), np.float32)}, inputs=inputs)
    gray = PHOTO[..., 0]
    (found,) = mil.load(path).predict({"x": Image.fromarray(gray)}).values()
    np.testing.assert_array_equal(found[0, 0], gray)


def test_wrong_images_are_named(package) -> None:
    inputs = [ct.ImageType("x", shape=(1, 3, 6, 8))]
    model = mil.load(package(lambda x: mb.relu(x=x), {"x": np.zeros((1, 3, 6, 8), np.float32)}, inputs=inputs))
    table = [
        (Image.fromarray(PHOTO).convert("L"), "the image has mode L, expected RGB"),
        (Image.fromarray(PHOTO).resize((9, 6)), r"its shape is \(6, 9, 3\), expected \(6, 8, 3\)"),
        (PHOTO[..., 0], r"its shape is \(6, 8\)"),
        ("photo.jpg", "it is a str, expected a PIL image"),
    ]
    for value, message in table:
        with pytest.raises(InputError, match=message):
            model.predict({"x": value})


@pytest.mark.parametrize(("layout", "number"), [("RGB", 20), ("BGR", 30)])
def test_an_image_output_is_rgba_and_saturates(package, layout, number) -> None:
    path = package(lambda x: mb.add(x=x, y=100.6, name="y"), {"x": np.zeros((1, 3, 6, 8), np.float32)})
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    image = message.description.output[0].type.imageType
    image.width, image.height, image.colorSpace = 8, 6, number
    file.write_bytes(message.SerializeToString())
    (picture,) = mil.load(path).predict({"x": PHOTO.transpose(2, 0, 1)[None]}).values()
    assert picture.mode == "RGBA"
    expected = np.minimum(PHOTO.astype(int) + 101, 255)
    np.testing.assert_array_equal(np.asarray(picture)[..., :3], expected if layout == "RGB" else expected[..., ::-1])


@pytest.mark.parametrize("labels", [["cat", "dog", "bird"], [7, 8, 9]])
def test_a_classifier_gives_its_label_and_all_probabilities(package, labels) -> None:
    x = np.array([[0.0, 2.0, 1.0]], np.float32)
    path = package(lambda x: mb.softmax(x=x, name="scores"), {"x": x}, classifier_config=ct.ClassifierConfig(labels))
    found = mil.load(path).predict({"x": x})
    assert found["classLabel"] == labels[1]
    probabilities = found["classLabel_probs"]
    assert list(probabilities) == labels
    np.testing.assert_allclose(list(probabilities.values()), np.exp(x[0]) / np.exp(x).sum(), rtol=1e-6)


def flexible(package, shape):
    spec = mb.TensorSpec(shape=(1, get_new_symbol()))
    return mil.load(package(lambda x: mb.mul(x=x, y=2.0), {"x": spec}, inputs=[ct.TensorType("x", shape=shape)]))


def test_sizes_within_a_range(package) -> None:
    model = flexible(package, ct.Shape((1, ct.RangeDim(2, 5))))
    for size in (2, 4, 5):
        (found,) = model.predict({"x": np.ones((1, size))}).values()
        np.testing.assert_array_equal(found, np.full((1, size), 2))
    with pytest.raises(InputError, match=r"Size \(99\) of dimension \(1\) is not in allowed range \(2\.\.5\)"):
        model.predict({"x": np.ones((1, 99))})
    with pytest.raises(InputError, match="its rank is 1, expected 2"):
        model.predict({"x": np.ones(3)})


def test_enumerated_shapes(package) -> None:
    model = flexible(package, ct.EnumeratedShapes([[1, 2], [1, 4]]))
    (found,) = model.predict({"x": np.ones((1, 4))}).values()
    np.testing.assert_array_equal(found, np.full((1, 4), 2))
    with pytest.raises(InputError, match=r"MultiArray Shape \(1 x 3\) was not in enumerated set of allowed shapes"):
        model.predict({"x": np.ones((1, 3))})


def test_images_of_several_sizes(package) -> None:
    spec = mb.TensorSpec(shape=(1, 3, get_new_symbol(), get_new_symbol()))
    tables = [
        (ct.EnumeratedShapes([[1, 3, 6, 8], [1, 3, 3, 4]]), r"Image Shape \(2 x 4 x 3\) was not in enumerated set"),
        (ct.Shape((1, 3, ct.RangeDim(3, 6), ct.RangeDim(4, 8))), r"Size \(2\) of dimension \(0\) .* \(3\.\.6\)"),
    ]
    for index, (shape, message) in enumerate(tables):
        inputs = [ct.ImageType("x", shape=shape)]
        model = mil.load(package(lambda x: mb.add(x=x, y=0.0), {"x": spec}, inputs=inputs, name=f"images{index}"))
        for step in (1, 2):
            (found,) = model.predict({"x": PHOTO[::step, ::step]}).values()
            np.testing.assert_array_equal(found[0], PHOTO[::step, ::step].transpose(2, 0, 1))
        with pytest.raises(InputError, match=message):
            model.predict({"x": PHOTO[::3, ::2]})


def test_an_optional_input_has_its_default(package) -> None:
    inputs = [ct.TensorType("x", shape=(3, 4), default_value=np.full((3, 4), 1.5, np.float32))]
    model = mil.load(package(lambda x: mb.mul(x=x, y=2.0), {"x": X}, inputs=inputs))
    assert model.inputs[0].optional
    np.testing.assert_array_equal(next(iter(model.predict({}).values())), np.full((3, 4), 3.0))


def test_a_package_of_several_functions(package, tmp_path) -> None:
    paths = {
        "doubled": package(lambda x: mb.mul(x=x, y=2.0), {"x": X}, name="doubled", opset="iOS18"),
        "halved": package(lambda x: mb.mul(x=x, y=0.5), {"x": X}, name="halved", opset="iOS18"),
    }
    description = ct.utils.MultiFunctionDescriptor()
    for name, path in paths.items():
        description.add_function(str(path), src_function_name="main", target_function_name=name)
    description.default_function_name = "halved"
    joined = tmp_path / "joined.mlpackage"
    ct.utils.save_multifunction(description, str(joined))
    expected = {None: X * 0.5, "doubled": X * 2, "halved": X * 0.5}
    for name, values in expected.items():
        (found,) = mil.load(joined, name).predict({"x": X}).values()
        np.testing.assert_allclose(found, values)
    with pytest.raises(InputError) as caught:
        mil.load(joined, "main")
    assert caught.value.remedy == "Its functions: halved, doubled."
