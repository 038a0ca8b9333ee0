"""`convert`: what leaves, that it computes the same there, and that nothing is left where it does not."""

from __future__ import annotations

import hashlib
import json

import coremltools as ct
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

from mobiledeploy import mil, pipeline
from mobiledeploy.errors import InputError, OutputError, ParityError, UnsupportedError
from mobiledeploy.pipeline import foreign_format

LABELS = ["cat", "dög", "bird"]


def saved(folder, program, name="model", target=ct.target.iOS18, **options):
    settings = {"compute_precision": ct.precision.FLOAT32, "pass_pipeline": ct.PassPipeline.EMPTY} | options
    path = folder / f"{name}.mlpackage"
    model = ct.convert(
        program, convert_to="mlprogram", minimum_deployment_target=target, skip_model_load=True, **settings
    )
    model.author, model.short_description = "somebody", "tells animals apart"
    model.user_defined_metadata["training set"] = "pets"
    model.save(str(path))
    return path


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    draw = np.random.default_rng(0).standard_normal

    @mb.program(input_specs=[mb.TensorSpec((1, 3, 16, 16), types.fp32)], opset_version=ct.target.iOS18)
    def program(image):
        x = mb.mul(x=mb.cast(x=image, dtype="fp16"), y=np.float16(1 / 255))
        x = mb.conv(x=x, weight=draw((8, 3, 3, 3)).astype(np.float16), pad_type="same")
        x = mb.reduce_mean(x=mb.gelu(x=x, mode="EXACT"), axes=[2, 3])
        x = mb.linear(x=x, weight=draw((3, 8)).astype(np.float16))
        return mb.softmax(x=mb.cast(x=x, dtype="fp32"), name="scores")

    image = ct.ImageType("image", shape=(1, 3, 16, 16), color_layout=ct.colorlayout.BGR)
    return saved(
        tmp_path_factory.mktemp("classifier"), program, inputs=[image], classifier_config=ct.ClassifierConfig(LABELS)
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(("precision", "bar"), [("float32", 90.0), ("declared", 40.0)])
def test_both_files_compute_what_the_package_computes(classifier, here, precision, bar) -> None:
    files = pipeline.convert(classifier, ["onnx", "pt2"], precision=precision)
    assert [(file.format, file.path.name) for file in files] == [("onnx", "model.onnx"), ("pt2", "model.pt2")]
    model = mil.load(classifier, precision=precision)
    photo = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    expected = model.predict({"image": photo})
    pixels = photo[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession("model.onnx")
    by_onnx = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"image": pixels}), strict=True))
    by_torch = torch.export.load("model.pt2").module()(torch.from_numpy(pixels))
    for found in (by_onnx, by_torch):
        assert LABELS[int(found["classLabel"])] == expected["classLabel"]
        probabilities = list(expected["classLabel_probs"].values())
        # float32 noise, or one fp16 ulp of values up to 1 that a sum in another order may round to
        np.testing.assert_allclose(found["classLabel_probs"], probabilities, atol=1e-6 if bar == 90.0 else 2**-10)
    for file in files:
        assert (file.parity.passed, file.parity.bar_db) == (True, bar)
        assert {output.output for output in file.parity.outputs} == {"classLabel", "classLabel_probs"}
        assert {output.input for output in file.parity.outputs} == {"seed 0", "seed 1", "seed 2"}
        content = file.path.read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_float32_is_free_of_casts_and_declared_keeps_each_rounding(classifier, here) -> None:
    casts = {}
    for precision in ("float32", "declared"):
        pipeline.convert(classifier, ["onnx"], precision=precision)
        casts[precision] = sum(node.op_type == "Cast" for node in onnx.load("model.onnx").graph.node)
    # a pair for the cast of the image, and one after each of mul, conv, gelu, reduce_mean and linear
    assert casts == {"float32": 0, "declared": 12}


def test_what_the_package_says_of_itself_goes_along(classifier, here) -> None:
    pipeline.convert(classifier, ["onnx", "pt2"])
    entries = {entry.key: entry.value for entry in onnx.load("model.onnx").metadata_props}
    inside = {foreign_format.METADATA: ""}
    torch.export.load("model.pt2", extra_files=inside)
    document = json.loads(inside[foreign_format.METADATA])
    assert entries == document["metadata"]
    assert (document["inputs"], document["outputs"]) == (["image"], ["classLabel", "classLabel_probs"])
    assert json.loads(entries["labels"]) == LABELS
    assert json.loads(entries["colors"]) == {"image": "BGR"}
    assert (entries["author"], entries["shortDescription"]) == ("somebody", "tells animals apart")
    assert (entries["training set"], entries["precision"]) == ("pets", "float32")


def test_the_same_package_gives_the_same_bytes_anywhere(classifier, here, monkeypatch) -> None:
    first = pipeline.convert(classifier, ["onnx", "pt2"])
    below = here / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    second = pipeline.convert(classifier, ["onnx", "pt2"])
    assert [file.sha256 for file in first] == [file.sha256 for file in second]
    for file in ("model.onnx", "model.pt2"):
        content = (below / file).read_bytes()
        assert str(here).encode() not in content
        assert b"mobiledeploy/mil" not in content


@mb.program(
    input_specs=[mb.TensorSpec((3,), types.fp16), mb.StateTensorSpec((3,), types.fp16)],
    opset_version=ct.target.iOS18,
)
def counter(x, total):
    value = mb.add(x=mb.read_state(input=total), y=x)
    mb.coreml_update_state(state=total, value=value)
    return mb.mul(x=value, y=np.float16(1), name="sums")


def test_states_are_buffers_of_the_program_and_go_through_the_onnx_graph(tmp_path, here) -> None:
    files = pipeline.convert(saved(tmp_path, counter), ["onnx", "pt2"], precision="declared")
    assert all(file.parity.passed for file in files)
    session = onnxruntime.InferenceSession("model.onnx")
    assert [value.name for value in session.get_inputs()] == ["x", "total"]
    assert [value.name for value in session.get_outputs()] == ["sums", "total_after"]
    module = torch.export.load("model.pt2").module()
    assert [module(torch.ones(3))["sums"].tolist() for _ in range(2)] == [[1.0] * 3, [2.0] * 3]


@mb.program(input_specs=[mb.TensorSpec((1, get_new_symbol()), types.fp32)], opset_version=ct.target.iOS18)
def doubled(x):
    return mb.mul(x=x, y=2.0, name="y")


class Heard:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def step(self, label: str) -> None: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_of_several_shapes_the_default_one_is_taken_and_said(tmp_path, here) -> None:
    inputs = [ct.TensorType("x", shape=ct.Shape((1, ct.RangeDim(2, 9, default=5))))]
    heard = Heard()
    pipeline.convert(saved(tmp_path, doubled, inputs=inputs), ["onnx"], progress=heard)
    assert heard.warnings == ["x takes several shapes; the file will take 1x5 only."]
    (argument,) = onnxruntime.InferenceSession("model.onnx").get_inputs()
    assert argument.shape == [1, 5]


def scaled(factor):
    @mb.program(input_specs=[mb.TensorSpec((1, 4), types.fp32)], opset_version=ct.target.iOS18)
    def program(x):
        return mb.mul(x=x, y=np.float32(factor), name="y")

    return program


def test_a_function_is_chosen_by_name(tmp_path, here) -> None:
    description = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("doubled", 2.0), ("halved", 0.5)):
        description.add_function(str(saved(tmp_path, scaled(factor), name)), "main", name)
    description.default_function_name = "doubled"
    ct.utils.save_multifunction(description, str(tmp_path / "both.mlpackage"))
    for function, factor in ((None, 2.0), ("halved", 0.5)):
        pipeline.convert(tmp_path / "both.mlpackage", ["onnx"], function=function, output=here / "one.onnx")
        (found,) = onnxruntime.InferenceSession("one.onnx").run(None, {"x": np.ones((1, 4), np.float32)})
        assert found.tolist() == [[factor] * 4]


@mb.program(input_specs=[mb.TensorSpec((3,), types.fp32)], opset_version=ct.target.iOS18)
def looping(x):
    return mb.while_loop(
        _cond=lambda value: mb.less(x=mb.reduce_max(x=value), y=100.0),
        _body=lambda value: mb.add(x=value, y=50.0),
        loop_vars=(x,),
        name="loop",
    )


@pytest.mark.parametrize("format_", ["onnx", "pt2"])
def test_what_cannot_be_captured_is_named_and_nothing_is_written(tmp_path, here, format_) -> None:
    with pytest.raises(UnsupportedError, match=r"cannot be captured by torch\.export") as caught:
        pipeline.convert(saved(tmp_path, looping), [format_])
    assert "while_loop 'loop" in (caught.value.where or "")
    assert list(here.iterdir()) == []


def test_a_file_that_computes_something_else_is_not_written(classifier, here, monkeypatch) -> None:
    """The weights of the file are changed on the way to it; the older file stays."""
    (here / "model.pt2").write_bytes(b"older")
    real = foreign_format.exported_program

    def damaged(module, inputs):
        exported = real(module, inputs)
        weight = next(value for name, value in exported.state_dict.items() if name.endswith("conv_0_weight_0"))
        exported.state_dict.update(
            {name: value.clone() + 0.01 for name, value in exported.state_dict.items() if value is weight}
        )
        return exported

    monkeypatch.setattr(foreign_format, "exported_program", damaged)
    with pytest.raises(ParityError, match=r"model\.pt2 does not compute what the package computes: output '") as caught:
        pipeline.convert(classifier, ["onnx", "pt2"])
    assert caught.value.psnr_db is not None
    assert caught.value.psnr_db < 90
    assert [(path.name, path.read_bytes()) for path in here.iterdir()] == [("model.pt2", b"older")]


WRONG = [
    ({"formats": []}, InputError, "no format is given"),
    ({"formats": ["tflite"]}, InputError, "no format is called 'tflite'"),
    ({"formats": ["onnx", "pt2"], "output": "x.onnx"}, InputError, "one file cannot hold 2 formats"),
    ({"formats": ["onnx"], "output": "x.pt2"}, InputError, r"x\.pt2 does not end in \.onnx"),
    ({"formats": ["onnx"], "output": "absent/x.onnx"}, OutputError, r"cannot write absent/x\.onnx"),
    ({"formats": ["onnx"], "function": "other"}, InputError, "the package has no function 'other'"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), WRONG)
def test_wrong_requests_are_refused_before_the_work(classifier, here, arguments, error, message) -> None:
    if "output" in arguments:
        arguments = {**arguments, "output": here.relative_to(here) / arguments["output"]}
    with pytest.raises(error, match=message):
        pipeline.convert(classifier, **arguments)
    assert list(here.iterdir()) == []
