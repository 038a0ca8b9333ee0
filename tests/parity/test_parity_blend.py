"""Mixtures of a program's two precisions: at both ends the converter's own programs, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from mixed_networks import INPUTS, Harmless, LinearAttention, opened

from mobiledeploy.errors import UnsupportedError
from mobiledeploy.mil.dtype import DataType
from mobiledeploy.mil.loading import load
from mobiledeploy.parity.blend import blend_of, dtype_of, widened
from mobiledeploy.parity.blending import blended
from mobiledeploy.parity.runners.mil import MilRunner
from mobiledeploy.parity.trial import executable
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions, Mixture


def outputs(found, kept):
    model = executable(blended(found.trial.blend, kept), found.trial.model)
    return [model.predict(sample.arrays)["logits"] for sample in found.half.reference.samples]


def predictions(path, found):
    predict = MilRunner().open(path, INPUTS)
    return [predict(sample.arrays)["logits"] for sample in found.half.reference.samples]


def test_with_nothing_kept_it_is_the_float16_program(convert) -> None:
    found = opened(convert, Harmless())
    np.testing.assert_array_equal(outputs(found, frozenset()), predictions(found.half.path, found))


def test_with_everything_kept_it_is_the_float32_program(convert) -> None:
    found = opened(convert, Harmless())
    np.testing.assert_array_equal(outputs(found, frozenset(found.names)), predictions(found.full.path, found))
    assert not np.array_equal(predictions(found.full.path, found), predictions(found.half.path, found))


@pytest.mark.parametrize("network", [Harmless, LinearAttention])
@pytest.mark.parametrize("step", [2, 3])
def test_a_mixture_is_what_coremltools_makes_of_it(convert, tmp_path, network, step) -> None:
    """The package that keeps the same operators gives the same numbers, bit for bit."""
    found = opened(convert, network())
    kept = frozenset(found.names[::step])
    package = tmp_path / "mixed.mlpackage"
    options = ConversionOptions(mixture=Mixture(kept, frozenset(found.names) - kept))
    target_named("coreml").convert(found.half.program, options, package)
    np.testing.assert_array_equal(outputs(found, kept), predictions(package, found))


def test_a_kept_operator_has_float32_weights_and_values_and_casts_around_it(convert) -> None:
    found = opened(convert, Harmless())
    operations = blended(found.trial.blend, {"conv2d"}).block.operations
    made = {operation.outputs[0]: operation for operation in operations}
    conv = made["conv2d"]
    assert dtype_of(conv.output_types[0]) is DataType.FLOAT32
    assert dtype_of(made[conv.inputs["weight"][0]].output_types[0]) is DataType.FLOAT32
    (read,) = made["half relu"].inputs["x"]
    assert made[read].type == "cast"
    assert made[read].inputs["x"] == ("conv2d",)
    assert dtype_of(made["half relu"].output_types[0]) is DataType.FLOAT16


def test_a_widened_program_rounds_nothing_but_keeps_its_weights(convert) -> None:
    found = opened(convert, Harmless())
    function = widened(found.trial.model.function)
    kinds = {dtype_of(kind) for operation in function.block.operations for kind in operation.output_types}
    assert DataType.FLOAT16 not in kinds
    model = executable(function, found.trial.model)
    sample = found.half.reference.samples[0]
    exact = load(found.half.path, precision="float32").predict(sample.arrays)["logits"]
    np.testing.assert_array_equal(model.predict(sample.arrays)["logits"], exact)


def test_what_cannot_be_chosen_follows_what_it_reads(convert) -> None:
    """As a transpose that coremltools puts in after the types are settled."""
    found = opened(convert, Harmless())
    functions = found.trial.blend.half.function, found.trial.blend.full.function
    blend = blend_of(*functions, selectable=set(found.names) - {"relu"})
    assert "relu" not in blend.choices
    for kept, dtype in ((set(), DataType.FLOAT16), ({"conv2d"}, DataType.FLOAT32)):
        (relu,) = [o for o in blended(blend, kept).block.operations if o.type == "relu"]
        assert dtype_of(relu.output_types[0]) is dtype


def test_programs_with_other_operators_cannot_stand_side_by_side(convert) -> None:
    one, other = convert(Harmless(), INPUTS), convert(LinearAttention(), INPUTS, precision="float32")
    with pytest.raises(UnsupportedError, match="other operators in float16 than in float32"):
        blend_of(load(one.path).function, load(other.path).function)
