"""Pipelines of ML Programs, made by coremltools: one model to the caller."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from coremltools.models import datatypes
from PIL import Image

from mobiledeploy import mil
from mobiledeploy.errors import InputError, PackageError, UnsupportedError
from mobiledeploy.mil.schema import message_class

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
PHOTO = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
WEIGHTS = np.random.default_rng(1).standard_normal((40, 4)).astype(np.float32)


def opened(path):
    return ct.models.MLModel(str(path), skip_model_load=True)


def joined(folder, *paths, name="pipeline"):
    """The package that coremltools makes of several."""
    pipeline = ct.utils.make_pipeline(*map(opened, paths))
    pipeline.save(str(folder / f"{name}.mlpackage"))
    return folder / f"{name}.mlpackage"


def changed(path, change):
    """The package at `path`, its specification changed."""
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    change(message)
    file.write_bytes(message.SerializeToString())
    return path


@pytest.fixture
def two(package, tmp_path):
    """A linear layer whose weights are in a file, then a scaled sum: x to hidden to y."""
    first = package(lambda x: mb.linear(x=x, weight=WEIGHTS, name="hidden"), {"x": X}, name="first")
    second = package(
        lambda hidden, scale: mb.mul(x=mb.reduce_sum(x=hidden, axes=[1]), y=scale, name="y"),
        {"hidden": np.zeros((3, 40), np.float32), "scale": np.zeros(3, np.float32)},
        name="second",
    )
    return joined(tmp_path, first, second)


def test_each_program_has_its_own_weights_and_is_fed_by_name(two) -> None:
    model = mil.load(two)
    assert [feature.name for feature in model.inputs] == ["x", "scale"]
    assert [feature.name for feature in model.outputs] == ["y"]
    scale = np.array([1.0, 2.0, -1.0], np.float32)
    found = model.predict({"x": X, "scale": scale})
    assert list(found) == ["y"]
    np.testing.assert_allclose(found["y"], (X @ WEIGHTS.T).sum(1) * scale, rtol=1e-5)


def test_the_listener_sees_the_operators_of_all_programs(two) -> None:
    seen = []
    mil.load(two).predict(
        {"x": X, "scale": np.ones(3)}, listener=lambda operation, outputs: seen.append(operation.type)
    )
    assert seen == ["linear", "reduce_sum", "mul"]


WRONG = [
    ({"x": X}, "input 'scale' is missing"),
    ({"x": X, "scale": np.ones(3), "hidden": X}, "the model has no input 'hidden'"),
    ({"x": X.T, "scale": np.ones(3)}, r"input 'x': its shape is \(4, 3\), expected \(3, 4\)"),
]


@pytest.mark.parametrize(("inputs", "message"), WRONG)
def test_wrong_inputs_are_named(two, inputs, message) -> None:
    with pytest.raises(InputError, match=message):
        mil.load(two).predict(inputs)


def test_an_error_names_the_model_of_the_pipeline(two) -> None:
    with pytest.raises(InputError) as caught:
        mil.load(two).predict({"x": X, "scale": np.ones(4)})
    assert caught.value.where == "model 2 of the pipeline's 2"


def test_a_pipeline_has_neither_functions_nor_a_single_program_nor_states(two) -> None:
    model = mil.load(two)
    with pytest.raises(InputError, match="the package has no function 'main'"):
        mil.load(two, "main")
    with pytest.raises(UnsupportedError, match="a pipeline of 2 models: it has no single program"):
        _ = model.function
    with pytest.raises(InputError, match="keeps no state"):
        model.make_state()
    assert [program.function.block.outputs for program in model.programs] == [("hidden",), ("y",)]


def test_declared_fp16_is_kept_in_every_program(package, tmp_path) -> None:
    halves = X.astype(np.float16)
    first = package(lambda x: mb.mul(x=x, y=np.float16(0.1), name="hidden"), {"x": halves}, name="first")
    second = package(lambda hidden: mb.mul(x=hidden, y=np.float16(3.0), name="y"), {"hidden": halves}, name="second")
    path = joined(tmp_path, first, second)
    expected = (halves * np.float16(0.1)) * np.float16(3.0)
    np.testing.assert_array_equal(mil.load(path).predict({"x": X})["y"], expected.astype(np.float32))
    exact = halves.astype(np.float32) * np.float32(np.float16(0.1)) * np.float32(3)
    np.testing.assert_array_equal(mil.load(path, precision="float32").predict({"x": halves})["y"], exact)


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_an_image_passes_from_model_to_model_as_an_image(package, tmp_path, layout) -> None:
    """Between the models it has 8 bits per channel: 0.25 is lost there, and beyond 255 is 255."""
    colors, spec = getattr(ct.colorlayout, layout), np.zeros((1, 3, 6, 8), np.float32)

    def image_output(message) -> None:
        kind = message.description.output[0].type.imageType
        kind.width, kind.height, kind.colorSpace = 8, 6, {"RGB": 20, "BGR": 30}[layout]

    first = package(
        lambda x: mb.add(x=x, y=10.25, name="hidden"),
        {"x": spec},
        name="first",
        inputs=[ct.ImageType("x", shape=spec.shape, color_layout=colors)],
    )
    second = package(
        lambda hidden: mb.mul(x=hidden, y=2.0, name="y"),
        {"hidden": spec},
        name="second",
        inputs=[ct.ImageType("hidden", shape=spec.shape, color_layout=colors)],
    )
    path = joined(tmp_path, changed(first, image_output), second)
    found = mil.load(path).predict({"x": Image.fromarray(PHOTO)})["y"]
    channels = PHOTO.transpose(2, 0, 1)[None].astype(np.float32)
    expected = channels if layout == "RGB" else channels[:, ::-1]
    np.testing.assert_array_equal(found, np.minimum(expected + 10, 255) * 2)


def test_a_classifier_at_the_end(package, tmp_path) -> None:
    x = np.array([[0.0, 2.0, 1.0]], np.float32)
    first = package(lambda x: mb.mul(x=x, y=-1.0, name="hidden"), {"x": x}, name="first")
    second = package(
        lambda hidden: mb.softmax(x=hidden, name="scores"),
        {"hidden": x},
        name="second",
        classifier_config=ct.ClassifierConfig(["cat", "dog", "bird"]),
    )
    found = mil.load(joined(tmp_path, first, second)).predict({"x": x})
    assert found["classLabel"] == "cat"
    np.testing.assert_allclose(list(found["classLabel_probs"].values()), np.exp(-x[0]) / np.exp(-x).sum(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["pipelineClassifier", "pipelineRegressor"])
def test_pipelines_that_end_in_a_classifier_or_regressor_are_pipelines(two, kind) -> None:
    def change(message) -> None:
        members = message.pipeline.SerializeToString()
        getattr(message, kind).pipeline.ParseFromString(members)

    inputs = {"x": X, "scale": np.ones(3)}
    before = mil.load(two).predict(inputs)["y"]
    np.testing.assert_array_equal(mil.load(changed(two, change)).predict(inputs)["y"], before)


def test_a_pipeline_in_a_pipeline(two) -> None:
    def change(message) -> None:
        inner = message_class("Model").FromString(message.SerializeToString())
        del message.pipeline.models[:]
        message.pipeline.models.append(inner)
        message.pipeline.names.append("all")

    inputs = {"x": X, "scale": np.ones(3)}
    before = mil.load(two).predict(inputs)["y"]
    model = mil.load(changed(two, change))
    np.testing.assert_array_equal(model.predict(inputs)["y"], before)
    with pytest.raises(InputError) as caught:
        model.predict({"x": X, "scale": np.ones(4)})
    assert caught.value.where == "model 1 of the pipeline's 1 (all), model 2 of the pipeline's 2"


def replaced(index, **fields):
    """A change that puts an empty model of another type in the place of one."""

    def change(message) -> None:
        member = message.pipeline.models[index]
        for kind, encoded in fields.items():
            setattr(member, kind, encoded)

    return change


def emptied(message) -> None:
    del message.pipeline.models[:]


def without(index):
    def change(message) -> None:
        del message.pipeline.models[index]

    return change


def typeless(message) -> None:
    message.pipeline.models[0].ClearField("mlProgram")


BROKEN = [
    (
        replaced(0, neuralNetwork=b""),
        UnsupportedError,
        "the model is in the older neural-network format (neuralNetwork), not an ML Program",
        "model 1 of the pipeline's 2",
    ),
    (
        replaced(1, treeEnsembleRegressor=b""),
        UnsupportedError,
        "the model is a tree ensemble regressor (treeEnsembleRegressor), not an ML Program",
        "model 2 of the pipeline's 2",
    ),
    (emptied, PackageError, "the pipeline holds no model", None),
    (without(0), PackageError, "model 1 of the pipeline's 1 takes 'hidden', which nothing before it gives", None),
    (without(1), PackageError, "no model of the pipeline gives its output 'y'", None),
    (typeless, PackageError, "it holds no model", "model 1 of the pipeline's 2"),
]


@pytest.mark.parametrize(("change", "error", "what", "where"), BROKEN, ids=[row[2] for row in BROKEN])
def test_a_pipeline_that_cannot_be_executed_names_the_model(two, change, error, what, where) -> None:
    path = changed(two, change)
    with pytest.raises(error) as caught:
        mil.load(path)
    assert caught.value.what == what
    assert where is None or caught.value.where.startswith(where)


def test_a_pipeline_built_by_hand_of_models_that_are_no_programs(tmp_path, package) -> None:
    """coremltools' own `Pipeline`: everything in one specification, here without weight files."""
    program = package(lambda x: mb.mul(x=x, y=2.0, name="hidden"), {"x": X.reshape(-1)}, name="program")
    scaler = ct.proto.Model_pb2.Model(specificationVersion=8)
    features = [("hidden", datatypes.Array(12))], [("y", datatypes.Array(12))]
    ct.models._interface_management.set_transform_interface_params(scaler, *features)
    scaler.scaler.shiftValue.append(1.0)
    scaler.scaler.scaleValue.extend(range(12))
    pipeline = ct.models.pipeline.Pipeline([("x", datatypes.Array(12))], [("y", datatypes.Array(12))])
    pipeline.add_model(opened(program))
    pipeline.add_model(scaler)
    path = tmp_path / "hand.mlmodel"
    path.write_bytes(pipeline.spec.SerializeToString())
    found = mil.load(path).predict({"x": X.reshape(-1)})["y"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, (2.0 * X.reshape(-1) + 1) * np.arange(12), rtol=1e-6)


def accumulating(package, source, total, result):
    """The package that adds its input to the state `total` and gives what it then holds."""

    def program(x, state):
        value = mb.add(x=mb.read_state(input=state), y=x)
        mb.coreml_update_state(state=state, value=value)
        return mb.mul(x=value, y=np.float16(1.0), name=result)

    given = {source: np.ones(3, np.float16), total: mb.StateTensorSpec((3,), types.fp16)}
    return package(program, given, name=result, opset="iOS18")


def test_states_of_all_programs_are_made_together(package, tmp_path) -> None:
    first = accumulating(package, "x", "total", "sums")
    second = accumulating(package, "sums", "grand_total", "y")
    model = mil.load(joined(tmp_path, first, second))
    assert [feature.name for feature in model.states] == ["total", "grand_total"]
    state = model.make_state()
    found = [model.predict({"x": np.full(3, 2.0)}, state)["y"][0] for _ in range(3)]
    assert found == [2, 6, 12]
    np.testing.assert_array_equal(state.read_state("total"), np.full(3, 6.0))
    np.testing.assert_array_equal(state.read_state("grand_total"), np.full(3, 12.0))


def test_onnxruntime_computes_every_program(two) -> None:
    inputs = {"x": X, "scale": np.array([1.0, 2.0, -1.0])}
    expected = mil.load(two).predict(inputs)["y"]
    np.testing.assert_allclose(mil.load(two, backend="onnxruntime").predict(inputs)["y"], expected, rtol=1e-5)
