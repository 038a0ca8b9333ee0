"""An optional argument that is not written has the operator's default: coremltools writes them all, so they are taken
out of the package and the result must stay."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from mobiledeploy import mil
from mobiledeploy.mil.schema import message_class

X = np.linspace(-2, 3, 2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)
POSITIVE = np.abs(X) + np.float32(1e-3)
INDICES = np.array([1, 0], np.int32)
BOX = np.array([[[[[0.5]], [[1.0]], [[2.5]], [[3.0]]]]], np.float32)
WEIGHT = np.linspace(-1, 1, 6 * 3 * 3 * 3, dtype=np.float32).reshape(6, 3, 3, 3)
ROWS = np.linspace(-1, 1, 4 * 6, dtype=np.float32).reshape(4, 6)
CHANNEL = np.array([0.5, 1.0, 2.0], np.float32)


def recurrent(name: str, gates: int):
    def build(x):
        x = mb.reshape(x=x, shape=[6, 4, 6])
        h = np.zeros((4, 2), np.float32)
        weights = {
            "weight_ih": np.linspace(-1, 1, gates * 2 * 6, dtype=np.float32).reshape(gates * 2, 6),
            "weight_hh": np.linspace(1, -1, gates * 2 * 2, dtype=np.float32).reshape(gates * 2, 2),
        }
        more = {"initial_c": h} if name == "lstm" else {}
        return getattr(mb, name)(x=x, initial_h=h, **weights, **more)

    return build


def attached(x, *values):
    """A program needs its input: results that do not depend on it get its first element added, times zero."""
    zero = mb.mul(x=mb.slice_by_size(x=mb.reshape(x=x, shape=[144]), begin=[0], size=[1]), y=0.0)
    return tuple(mb.add(x=mb.cast(x=value, dtype="fp32"), y=zero) for value in values)


# operator: what builds it, the arguments that are taken out, the operator set
CASES = {
    "softmax": (lambda x: mb.softmax(x=x), "axis", "iOS17"),
    "gelu": (lambda x: mb.gelu(x=x), "mode", "iOS17"),
    "inverse": (lambda x: mb.inverse(x=x), "epsilon", "iOS17"),
    "rsqrt": (lambda x: mb.rsqrt(x=mb.relu(x=x)), "epsilon", "iOS17"),
    "log": (lambda x: mb.log(x=mb.relu(x=x)), "epsilon", "iOS17"),
    "batch_norm": (lambda x: mb.batch_norm(x=x, mean=CHANNEL, variance=CHANNEL * 1e-5), "epsilon", "iOS17"),
    "instance_norm": (lambda x: mb.instance_norm(x=mb.mul(x=x, y=1e-3)), "epsilon", "iOS17"),
    "layer_norm": (lambda x: mb.layer_norm(x=mb.mul(x=x, y=1e-3), axes=[0, 1, 2, 3]), "axes epsilon", "iOS17"),
    "l2_norm": (lambda x: mb.l2_norm(x=mb.mul(x=x, y=1e-4)), "epsilon", "iOS17"),
    "local_response_norm": (lambda x: mb.local_response_norm(x=x, size=3), "alpha beta k", "iOS17"),
    "conv": (lambda x: mb.conv(x=x, weight=WEIGHT), "strides pad_type pad dilations groups", "iOS17"),
    "conv_transpose": (
        lambda x: mb.conv_transpose(x=x, weight=WEIGHT[:3]),
        "strides pad_type pad dilations groups",
        "iOS17",
    ),
    "max_pool": (lambda x: mb.max_pool(x=x, kernel_sizes=[2, 2], pad_type="valid"), "strides pad ceil_mode", "iOS17"),
    "avg_pool": (
        lambda x: mb.avg_pool(x=x, kernel_sizes=[2, 3], pad_type="custom", pad=[1, 1, 1, 1]),
        "strides ceil_mode exclude_padding_from_average",
        "iOS17",
    ),
    "linear": (lambda x: mb.linear(x=x, weight=ROWS), "bias", "iOS17"),
    "matmul": (lambda x: mb.matmul(x=x, y=ROWS.T), "transpose_x transpose_y", "iOS17"),
    "reduce_mean": (lambda x: mb.reduce_mean(x=x), "axes keep_dims", "iOS17"),
    "reduce_argmax": (lambda x: mb.reduce_argmax(x=x), "axis keep_dims", "iOS16"),
    "reduce_argmin": (lambda x: mb.reduce_argmin(x=x), "axis keep_dims output_dtype", "iOS17"),
    "cumsum": (lambda x: mb.cumsum(x=x), "axis exclusive reverse", "iOS17"),
    "topk": (lambda x: mb.topk(x=x), "k axis ascending sort return_indices output_indices_dtype", "iOS17"),
    "argsort": (lambda x: mb.argsort(x=x), "axis ascending", "iOS17"),
    "band_part": (lambda x: mb.band_part(x=x), "lower upper", "iOS17"),
    "flatten2d": (lambda x: mb.flatten2d(x=x), "axis", "iOS17"),
    "concat": (lambda x: mb.concat(values=(x, mb.relu(x=x)), axis=1), "interleave", "iOS17"),
    "pad": (lambda x: mb.pad(x=x, pad=[1, 2]), "mode constant_val", "iOS17"),
    "gather": (lambda x: mb.gather(x=x, indices=INDICES), "axis batch_dims validate_indices", "iOS17"),
    "gather_along_axis": (
        lambda x: mb.gather_along_axis(x=x, indices=np.zeros((1, 3, 4, 6), np.int32)),
        "axis validate_indices",
        "iOS17",
    ),
    "gather_nd": (lambda x: mb.gather_nd(x=x, indices=INDICES.reshape(1, 2)), "batch_dims validate_indices", "iOS17"),
    "scatter": (
        lambda x: mb.scatter(data=x, indices=INDICES, updates=mb.relu(x=x)),
        "axis mode validate_indices",
        "iOS17",
    ),
    "scatter_nd": (
        lambda x: mb.scatter_nd(
            data=x,
            indices=INDICES.reshape(1, 2),
            updates=mb.slice_by_size(x=mb.reshape(x=x, shape=[6, 4, 6]), begin=[0, 0, 0], size=[1, 4, 6]),
        ),
        "mode validate_indices",
        "iOS17",
    ),
    "one_hot": (
        lambda x: attached(x, mb.one_hot(indices=mb.cast(x=mb.relu(x=x), dtype="int32"), one_hot_vector_size=3))[0],
        "axis on_value off_value",
        "iOS17",
    ),
    "fill": (lambda x: attached(x, mb.fill(shape=[2, 2]))[0], "value", "iOS17"),
    "fill_like": (lambda x: mb.fill_like(ref_tensor=x), "value", "iOS17"),
    "reverse_sequence": (
        lambda x: mb.reverse_sequence(x=x, lengths=INDICES + 1, batch_axis=0, seq_axis=1),
        "batch_axis",
        "iOS17",
    ),
    "sliding_windows": (
        lambda x: mb.sliding_windows(x=mb.reshape(x=x, shape=[6, 4, 6]), axis=1, size=2),
        "stride",
        "iOS17",
    ),
    "upsample_bilinear": (
        lambda x: mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=2),
        "align_corners half_pixel_centers",
        "iOS17",
    ),
    "upsample_nearest_neighbor": (
        lambda x: mb.upsample_nearest_neighbor(x=x),
        "scale_factor_height scale_factor_width",
        "iOS17",
    ),
    "resize_bilinear": (
        lambda x: mb.resize_bilinear(x=x, target_size_height=5, target_size_width=7),
        "sampling_mode",
        "iOS17",
    ),
    "resize": (
        lambda x: mb.resize(x=x, shape=[5, 7], resized_dims=np.uint32(2)),
        "interpolation_mode sampling_mode",
        "iOS17",
    ),
    "crop_resize": (
        lambda x: mb.crop_resize(x=x, roi=BOX, target_height=2, target_width=2),
        "normalized_coordinates spatial_scale box_coordinate_mode sampling_mode pad_value",
        "iOS16",
    ),
    "rnn": (recurrent("rnn", 1), "direction output_sequence activation", "iOS17"),
    "gru": (recurrent("gru", 3), "direction output_sequence recurrent_activation activation reset_after", "iOS18"),
    "lstm": (
        recurrent("lstm", 4),
        "direction output_sequence recurrent_activation cell_activation activation",
        "iOS17",
    ),
}


HALF = {
    "log": lambda x: mb.log(x=mb.relu(x=x)),
    "inverse": lambda x: mb.inverse(x=mb.mul(x=x, y=np.float16(1e-3))),
    "rsqrt": lambda x: mb.rsqrt(x=mb.relu(x=x)),
}


def strip(path, operator: str, parameters: list[str]) -> list[str]:
    """Takes the arguments out of every call of the operator; those that were there."""
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    function = message.mlProgram.functions["main"]
    found = []
    for operation in function.block_specializations[function.opset].operations:
        if operation.type == operator:
            found += [parameter for parameter in parameters if parameter in operation.inputs]
            for parameter in found:
                del operation.inputs[parameter]
    file.write_bytes(message.SerializeToString())
    return found


@pytest.mark.parametrize("operator", CASES)
def test_defaults(package, operator) -> None:
    build, parameters, opset = CASES[operator]
    check_defaults(package, build, operator=operator, parameters=parameters, opset=opset, x=X)


@pytest.mark.parametrize("operator", HALF)
def test_a_default_is_held_in_the_type_of_x(package, operator) -> None:
    """In fp16 the logarithm's epsilon is nothing: that of zero is minus infinity."""
    x = X.astype(np.float16)
    check_defaults(package, HALF[operator], operator=operator, parameters="epsilon", opset="iOS17", x=x)


def check_defaults(package, build, *, operator: str, parameters: str, opset: str, x: np.ndarray) -> None:
    path = package(build, {"x": x}, opset=opset)
    written = list(mil.load(path).predict({"x": x}).values())
    assert strip(path, operator, parameters.split())
    stripped = list(mil.load(path).predict({"x": x}).values())
    assert len(written) == len(stripped)
    for one, other in zip(written, stripped, strict=True):
        np.testing.assert_array_equal(one, other)
