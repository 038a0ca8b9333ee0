"""Programs that are not what they should be: one error, whatever is wrong."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobiledeploy import mil
from mobiledeploy.errors import MobileDeployError, PackageError, UnsupportedError
from mobiledeploy.mil.schema import message_class

X = np.linspace(-1, 1, 3 * 8 * 8, dtype=np.float32).reshape(1, 3, 8, 8)


def network(x):
    weight = np.arange(4 * 3 * 3 * 3, dtype=np.float32).reshape(4, 3, 3, 3) / 100
    y = mb.relu(x=mb.conv(x=x, weight=weight, pad_type="same"))
    y = mb.reshape(x=mb.avg_pool(x=y, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid"), shape=[4, 16])
    pieces = mb.split(x=y, num_splits=2, axis=1)
    return mb.softmax(x=mb.concat(values=pieces, axis=0), axis=-1)


@pytest.fixture
def sound(package):
    return package(network, {"x": X})


def model_file(path):
    return path / "Data" / "com.apple.CoreML" / "model.mlmodel"


def rewritten(path, change) -> None:
    """Changes the program of a package in place."""
    message = message_class("Model").FromString(model_file(path).read_bytes())
    function = message.mlProgram.functions["main"]
    change(message, function, function.block_specializations[function.opset])
    model_file(path).write_bytes(message.SerializeToString())


def find(block, kind):
    return next(operation for operation in block.operations if operation.type == kind)


def rename_operand(model, function, block) -> None:
    find(block, "relu").inputs["x"].arguments[0].name = "nowhere"


def make_a_cycle(model, function, block) -> None:
    find(block, "conv").inputs["x"].arguments[0].name = find(block, "softmax").outputs[0].name


def define_twice(model, function, block) -> None:
    find(block, "relu").outputs[0].name = find(block, "conv").outputs[0].name


def undefined_output(model, function, block) -> None:
    block.outputs[0] = "nowhere"


def foreign_opset(model, function, block) -> None:
    function.opset = "CoreML4"


def unknown_opset(model, function, block) -> None:
    function.block_specializations["CoreML99"].CopyFrom(block)
    function.opset = "CoreML99"


def weights_elsewhere(model, function, block) -> None:
    for operation in block.operations:
        for value in operation.attributes.values():
            if value.WhichOneof("value") == "blobFileValue":
                value.blobFileValue.fileName = "@model_path/../../../secret"


def offset_elsewhere(model, function, block) -> None:
    for operation in block.operations:
        for value in operation.attributes.values():
            if value.WhichOneof("value") == "blobFileValue":
                value.blobFileValue.offset = 2**60


def absurd_constant(model, function, block) -> None:
    for operation in block.operations:
        for dimension in operation.attributes["val"].type.tensorType.dimensions[:1]:
            dimension.constant.size = 2**62


def absurd_activation(model, function, block) -> None:
    for dimension in find(block, "relu").outputs[0].type.tensorType.dimensions:
        dimension.constant.size = 2**20


def unknown_element_type(model, function, block) -> None:
    find(block, "relu").outputs[0].type.tensorType.dataType = 77


def missing_argument(model, function, block) -> None:
    del find(block, "conv").inputs["weight"]


def wrong_argument(model, function, block) -> None:
    find(block, "softmax").inputs["axis"].arguments[0].name = find(block, "relu").outputs[0].name


def no_function(model, function, block) -> None:
    del model.mlProgram.functions["main"]


def no_program(model, function, block) -> None:
    model.ClearField("mlProgram")


DAMAGE = [
    (rename_operand, "the name 'nowhere' is used before it is defined"),
    (make_a_cycle, "is used before it is defined"),
    (define_twice, "is defined twice"),
    (undefined_output, "the name 'nowhere' is used before it is defined"),
    (foreign_opset, "no block for operator set 'CoreML4'"),
    (weights_elsewhere, "outside"),
    (offset_elsewhere, "outside the file"),
    (absurd_constant, "larger than any memory"),
    (absurd_activation, "larger than"),
    (unknown_element_type, "element type 77 is unknown"),
    (missing_argument, "parameter 'weight'"),
    (wrong_argument, "parameter 'axis' must be a constant"),
    (no_function, "the program has no function 'main'"),
    (no_program, "the file holds no model"),
]


@pytest.mark.parametrize(("change", "message"), DAMAGE)
def test_a_damaged_program_is_refused_when_it_is_loaded(sound, change, message) -> None:
    rewritten(sound, change)
    with pytest.raises(PackageError, match=message):
        mil.load(sound)


def test_an_unknown_operator_names_itself_and_where_to_add_it(sound) -> None:
    rewritten(sound, lambda model, function, block: setattr(find(block, "relu"), "type", "reluu"))
    with pytest.raises(UnsupportedError) as caught:
        mil.load(sound)
    text = str(caught.value)
    assert "operator 'reluu' is not implemented; the nearest is 'relu'" in text
    assert "function 'main'" in text
    assert "x: fp32(1, 4, 8, 8)" in text
    assert "mobiledeploy/mil/ops/activation.py" in text


def test_an_unknown_operator_set_is_not_guessed(sound) -> None:
    rewritten(sound, unknown_opset)
    with pytest.raises(UnsupportedError, match="operator set 'CoreML99' is unknown"):
        mil.load(sound)


def test_an_operator_newer_than_the_program_is_refused(sound) -> None:
    rewritten(sound, lambda model, function, block: setattr(find(block, "relu"), "type", "slice_update"))
    with pytest.raises(UnsupportedError, match="'slice_update' appeared in IOS18, but the program is for IOS17"):
        mil.load(sound)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (500, "older neural-network format"),
        (300, "a generalized linear regressor \\(glmRegressor\\)"),
        (402, "a tree ensemble classifier \\(treeEnsembleClassifier\\)"),
        (604, "a scaler \\(scaler\\)"),
    ],
)
def test_other_model_formats_are_named(tmp_path, number, message) -> None:
    tag = (number << 3 | 2).to_bytes(3, "little")
    encoded = bytes([tag[0] & 0x7F | 0x80, (number << 3 | 2) >> 7, 0])
    (tmp_path / "old.mlmodel").write_bytes(encoded)
    with pytest.raises(UnsupportedError, match=message):
        mil.load(tmp_path / "old.mlmodel")


@pytest.mark.parametrize("data", [b"", b"no protobuf at all", b"\xff" * 100, b"\x12" * 5000])
def test_what_is_no_model_is_refused(tmp_path, data) -> None:
    (tmp_path / "bad.mlmodel").write_bytes(data)
    with pytest.raises(PackageError):
        mil.load(tmp_path / "bad.mlmodel")


def nested_blocks(model, function, block) -> None:
    inner = find(block, "relu")
    for _ in range(60):
        inner = inner.blocks.add().operations.add(type="cond")


def test_blocks_nested_without_end_are_refused(sound) -> None:
    rewritten(sound, nested_blocks)
    with pytest.raises(MobileDeployError):
        mil.load(sound)


FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def survives(path) -> None:
    """It runs, or says what is wrong: any other exception fails the test."""
    with contextlib.suppress(MobileDeployError):
        mil.load(path).predict({"x": X})


def varied(x):
    """Operators whose sizes, indices and blocks come from constants."""
    lut = np.linspace(-1, 1, 16, dtype=np.float32)
    table = mb.constexpr_lut_to_dense(indices=np.arange(32, dtype=np.uint8), lut=lut, shape=np.uint32([8, 8]))
    y = mb.gather(x=mb.matmul(x=x, y=table), indices=[0, 2, 1], axis=1)
    values, places = mb.topk(x=mb.reshape(x=y, shape=[24, 8]), k=3, axis=1)
    written = mb.scatter(data=values, indices=[0, 5], updates=mb.slice_by_size(x=values, begin=[0, 0], size=[2, 3]))
    wide = mb.tile(x=mb.pad(x=written, pad=[1, 1], mode="reflect"), reps=[2, 1])
    _, grown = mb.while_loop(
        _cond=lambda i, z: mb.less(x=i, y=3), _body=lambda i, z: (mb.add(x=i, y=1), mb.tanh(x=z)), loop_vars=(0, wide)
    )
    ls = mb.list_write(ls=mb.make_list(init_length=2, elem_shape=(48, 5)), index=1, value=grown)
    hot = mb.one_hot(indices=mb.reshape(x=places, shape=[-1]), one_hot_vector_size=8, on_value=1.0, off_value=0.0)
    up = mb.upsample_bilinear(x=y, scale_factor_height=2, scale_factor_width=2)
    return (
        mb.list_gather(ls=ls, indices=[1, 0]),
        hot,
        mb.cumsum(x=up, axis=3),
        mb.fill(shape=mb.shape(x=values), value=2.0),
    )


@pytest.fixture(params=[network, varied])
def some(request, package):
    return package(request.param, {"x": X})


@pytest.fixture(autouse=True)
def low_limits(monkeypatch) -> None:
    """A damaged program may go to the limits, which are meant for large models and patient people."""
    monkeypatch.setattr("mobiledeploy.mil.ops.control_flow.MAX_ITERATIONS", 1000)
    monkeypatch.setattr("mobiledeploy.mil.size.MAX_ELEMENTS", 2**20)


@FUZZ
@given(data=st.data())
def test_flipped_bits_of_the_program(some, data) -> None:
    original = model_file(some).read_bytes()
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    model_file(some).write_bytes(damaged)
    survives(some)
    model_file(some).write_bytes(original)


@FUZZ
@given(data=st.data())
def test_flipped_bytes_of_the_weights(sound, data) -> None:
    weights = model_file(sound).parent / "weights" / "weight.bin"
    original = weights.read_bytes()
    damaged = bytearray(original)
    # the headers are where damage can lead astray
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(160, len(damaged) - 1)))] = data.draw(st.integers(0, 255))
    weights.write_bytes(damaged)
    survives(sound)
    weights.write_bytes(original)


@FUZZ
@given(data=st.data())
def test_truncated_files(sound, data) -> None:
    file = data.draw(st.sampled_from([model_file(sound), model_file(sound).parent / "weights" / "weight.bin"]))
    original = file.read_bytes()
    file.write_bytes(original[: data.draw(st.integers(0, len(original) - 1))])
    survives(sound)
    file.write_bytes(original)


@FUZZ
@given(data=st.data())
def test_integers_of_the_program_replaced_by_absurd_ones(some, data) -> None:
    absurd = st.sampled_from([-(2**31), -1, 0, 7, 2**20, 2**31 - 1])

    def change(model, function, block) -> None:
        constants = [
            value.immediateValue.tensor.ints.values
            for operation in block.operations
            for value in operation.attributes.values()
            if value.immediateValue.tensor.ints.values
        ]
        values = data.draw(st.sampled_from(range(len(constants))))
        constants[values][data.draw(st.integers(0, len(constants[values]) - 1))] = data.draw(absurd)

    original = model_file(some).read_bytes()
    rewritten(some, change)
    survives(some)
    model_file(some).write_bytes(original)
