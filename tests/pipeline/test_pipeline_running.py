"""`run` on packages that no export of ours made: functions, states, precision, repetition, files of outputs."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from PIL import Image

from mobiledeploy import pipeline
from mobiledeploy.errors import InputError, OutputError, PackageError, UnsupportedError
from mobiledeploy.mil.schema import message_class
from mobiledeploy.pipeline import GivenInputs

RANDOM = GivenInputs(random=True)


def converted(folder, program, name="model", target=ct.target.iOS18, **options):
    settings = {"compute_precision": ct.precision.FLOAT32, "pass_pipeline": ct.PassPipeline.EMPTY} | options
    path = folder / f"{name}.mlpackage"
    ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=target,
        skip_model_load=True,
        package_dir=str(path),
        **settings,
    )
    return path


def counter():
    @mb.program(
        input_specs=[mb.TensorSpec((3,), types.fp16), mb.StateTensorSpec((3,), types.fp16)],
        opset_version=ct.target.iOS18,
    )
    def program(x, total):
        value = mb.add(x=mb.read_state(input=total), y=x)
        mb.coreml_update_state(state=total, value=value)
        return mb.mul(x=value, y=np.float16(1), name="sums")

    return program


def scaled(factor):
    @mb.program(input_specs=[mb.TensorSpec((1, 4), types.fp32)], opset_version=ct.target.iOS18)
    def program(x):
        return mb.mul(x=x, y=np.float32(factor), name="y")

    return program


@pytest.fixture
def four(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0, np.nan, -3.0, np.inf]], np.float32))
    return tmp_path / "x.npy"


def test_repeated_predictions_share_a_state(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.array([1.0, 2.0, -1.0]))
    given = GivenInputs(arrays=(("x", tmp_path / "x.npy"),))
    result = pipeline.run(converted(tmp_path, counter()), given, repeat=3)
    assert len(result.times) == 3
    sums = result.outputs["sums"]
    assert (sums.minimum, sums.maximum, sums.mean) == (-3.0, 6.0, 2.0)


def test_onnxruntime_gives_the_same(tmp_path, four) -> None:
    path = converted(tmp_path, scaled(2.0))
    given = GivenInputs(arrays=(("x", four),))
    assert pipeline.run(path, given, backend="onnxruntime").outputs == pipeline.run(path, given).outputs


def test_outputs_are_told_in_figures_of_their_finite_elements(tmp_path, four) -> None:
    result = pipeline.run(converted(tmp_path, scaled(2.0)), GivenInputs(arrays=(("x", four),)))
    y = result.outputs["y"]
    assert (y.kind, y.shape, y.dtype, y.nans, y.infinities) == ("array", (1, 4), "float32", 1, 1)
    assert (y.minimum, y.maximum, y.mean) == (-6.0, 2.0, -2.0)


def test_all_outputs_are_saved(tmp_path, four) -> None:
    given = GivenInputs(arrays=(("x", four),))
    pipeline.run(converted(tmp_path, scaled(2.0)), given, output=tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as saved:
        np.testing.assert_array_equal(saved["y"], np.load(four) * 2)


def test_a_function_is_chosen_by_its_name(tmp_path, four) -> None:
    description = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("double", 2.0), ("triple", 3.0)):
        description.add_function(str(converted(tmp_path, scaled(factor), name)), "main", name)
    description.default_function_name = "double"
    ct.utils.save_multifunction(description, str(tmp_path / "joined.mlpackage"))
    given = GivenInputs(arrays=(("x", four),))
    for function, least in ((None, -6.0), ("triple", -9.0)):
        result = pipeline.run(tmp_path / "joined.mlpackage", given, function=function)
        assert result.outputs["y"].minimum == least
    with pytest.raises(InputError, match="the package has no function 'main'"):
        pipeline.run(tmp_path / "joined.mlpackage", given, function="main")


def test_float32_leaves_the_rounding_out(tmp_path) -> None:
    @mb.program(input_specs=[mb.TensorSpec((1,), types.fp16)], opset_version=ct.target.iOS17)
    def program(x):
        return mb.mul(x=x, y=np.float16(0.1), name="y")

    path = converted(tmp_path, program, target=ct.target.iOS17)
    np.save(tmp_path / "x.npy", np.float32([3]))
    given = GivenInputs(arrays=(("x", tmp_path / "x.npy"),))
    tenth = float(np.float16(0.1))
    assert pipeline.run(path, given).outputs["y"].maximum == float(np.float16(3 * tenth))
    exact = pipeline.run(path, given, precision="float32").outputs["y"].maximum
    assert exact == pytest.approx(3 * tenth, abs=1e-7) != float(np.float16(3 * tenth))


def test_a_classifier_names_its_classes_and_saves_them(tmp_path) -> None:
    @mb.program(input_specs=[mb.TensorSpec((1, 3), types.fp32)], opset_version=ct.target.iOS17)
    def program(x):
        return mb.softmax(x=x, name="scores")

    labels = ct.ClassifierConfig(["cat", "dog", "bird"])
    path = converted(tmp_path, program, target=ct.target.iOS17, classifier_config=labels)
    np.save(tmp_path / "x.npy", np.float32([[0, 2, 1]]))
    given = GivenInputs(arrays=(("x", tmp_path / "x.npy"),))
    result = pipeline.run(path, given, top=2, output=tmp_path / "out.npz")
    assert [label for label, _ in result.top] == ["dog", "bird"]
    assert result.top[0][1] == pytest.approx(np.exp(2) / np.exp([0, 2, 1]).sum())
    assert result.outputs["classLabel"].value == "dog"
    with np.load(tmp_path / "out.npz") as saved:
        assert saved["classLabel"] == "dog"
        assert saved["classLabel_probs.labels"].tolist() == ["cat", "dog", "bird"]
        assert saved["classLabel_probs"].argmax() == 1


def test_an_image_goes_in_and_one_comes_out(tmp_path) -> None:
    @mb.program(input_specs=[mb.TensorSpec((1, 3, 6, 8), types.fp32)], opset_version=ct.target.iOS17)
    def program(x):
        return mb.sub(x=255.0, y=x, name="y")

    path = converted(tmp_path, program, target=ct.target.iOS17, inputs=[ct.ImageType("x", shape=(1, 3, 6, 8))])
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    kind = message.description.output[0].type.imageType
    kind.width, kind.height, kind.colorSpace = 8, 6, 20
    file.write_bytes(message.SerializeToString())
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    result = pipeline.run(path, image=tmp_path / "p.png", output=tmp_path / "out.npz")
    assert (result.outputs["y"].kind, result.outputs["y"].shape) == ("image", (6, 8, 3))
    with np.load(tmp_path / "out.npz") as saved:
        np.testing.assert_array_equal(saved["y"], 255 - pixels)


def test_wrong_outputs_and_repetitions_are_refused_before_the_work(tmp_path) -> None:
    for path, message in (("out.npy", "does not end in .npz"), ("absent/out.npz", "cannot write")):
        with pytest.raises(OutputError, match=message):
            pipeline.run(tmp_path / "nothing.mlpackage", RANDOM, output=tmp_path / path)
    with pytest.raises(InputError, match="0 predictions"):
        pipeline.run(tmp_path / "nothing.mlpackage", RANDOM, repeat=0)


def test_what_is_given_in_the_place_of_a_package_is_told_apart(tmp_path) -> None:
    (tmp_path / "net.mlmodelc").mkdir()
    (tmp_path / "net.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "around" / "net.mlpackage").mkdir(parents=True)
    table = [
        ("net.mlmodelc", UnsupportedError, "net.mlmodelc is a compiled model"),
        ("net.zip", PackageError, "net.zip is a zip archive"),
        ("around", PackageError, "is a folder around a package"),
        ("absent.mlpackage", PackageError, "does not exist"),
    ]
    for name, error, message in table:
        with pytest.raises(error, match=message):
            pipeline.run(tmp_path / name, RANDOM)
