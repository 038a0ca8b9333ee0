"""What a package says of itself: its inputs, what its operators compute in, and what it gives without rounding."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from mobiledeploy import mil
from mobiledeploy.mil.description import Feature
from mobiledeploy.parity.samples import Sample
from mobiledeploy.parity.unrounded import class_labels, input_spec, precision_of, unrounded
from mobiledeploy.records import InputSpec


@pytest.fixture
def package(tmp_path):
    """The package of the program that `build` makes of one array of that shape; its operators as they are."""

    def make(build, shape):
        specs = [mb.TensorSpec(shape)]
        program = mb.program(input_specs=specs, opset_version=ct.target.iOS17)(build)
        settings = {"compute_precision": ct.precision.FLOAT32, "pass_pipeline": ct.PassPipeline.EMPTY}
        model = ct.convert(program, minimum_deployment_target=ct.target.iOS17, skip_model_load=True, **settings)
        model.save(str(tmp_path / "made.mlpackage"))
        return tmp_path / "made.mlpackage"

    return make


@pytest.mark.parametrize(
    ("feature", "spec"),
    [
        (Feature("x", "multiarray", (1, 4), "int32"), InputSpec("x", (1, 4), "int32")),
        (Feature("x", "multiarray", (), None, ranges=((0, None), (3, 9))), InputSpec("x", (1, 3), "float32")),
        (Feature("x", "multiarray", (), "float16", enumerated=((2, 5), (1, 5))), InputSpec("x", (2, 5), "float16")),
    ],
)
def test_an_array_is_taken_at_its_default_shape(feature, spec) -> None:
    assert input_spec(feature) == spec


@pytest.mark.parametrize(
    ("color", "shape", "channels", "order"),
    [
        ("RGB", (8, 6, 3), 3, "RGB"),
        ("BGR", (8, 6, 3), 3, "BGR"),
        ("GRAYSCALE", (8, 6), 1, "GRAYSCALE"),
        ("GRAYSCALE_FLOAT16", (8, 6), 1, "GRAYSCALE"),
    ],
)
def test_a_picture_keeps_its_colours(color, shape, channels, order) -> None:
    spec = input_spec(Feature("x", "image", shape, "uint8", color))
    assert (spec.kind, spec.shape, spec.preprocessing.color) == ("image", (1, channels, 8, 6), order)


@pytest.mark.parametrize(
    ("dtypes", "precision"), [(("fp16",), "float16"), (("fp32",), "float32"), (("fp16", "fp32"), "mixed")]
)
def test_the_precision_is_what_operators_compute_in(package, dtypes, precision) -> None:
    def program(x):
        for dtype in dtypes:
            x = mb.relu(x=mb.cast(x=x, dtype=dtype))
        return mb.cast(x=x, dtype="fp32", name="y")

    model = mil.load(package(program, (2, 3)))
    assert precision_of(model) == precision
    assert class_labels(model) == ()


def test_outputs_are_not_rounded_and_scalars_have_no_axis(package) -> None:
    def program(x):
        half = mb.cast(x=x, dtype="fp16")
        whole = mb.reduce_sum(x=half, axes=[0, 1], keep_dims=False)
        return mb.cast(x=whole, dtype="fp32", name="total"), mb.cast(x=half, dtype="fp32", name="same")

    array = np.array([[1.0001, 2.0003]], np.float32)
    path = package(program, array.shape)
    reference = unrounded(mil.load(path, precision="float32"), (InputSpec("x", (1, 2)),), (Sample("s", {"x": array}),))
    (outputs,) = reference.outputs
    np.testing.assert_array_equal(outputs["same"], array)
    assert outputs["total"].shape == ()
    np.testing.assert_allclose(outputs["total"], 3.0004, rtol=1e-6)
