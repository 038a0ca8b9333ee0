"""What stays in memory, and how long."""

from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb

from mobiledeploy import mil

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 256)).astype(np.float16)
LARGE = RNG.standard_normal((256, 256)).astype(np.float16)


def constants(model) -> list[torch.Tensor]:
    return [value for value in model._bound.template if isinstance(value, torch.Tensor)]


def tensors() -> int:
    gc.collect()
    return sum(isinstance(value, torch.Tensor) for value in gc.get_objects())


def chain(x):
    for _ in range(20):
        x = mb.softmax(x=mb.transpose(x=x, perm=[1, 0]), axis=0)
    return x


def test_many_predictions_leave_nothing_behind(package) -> None:
    model = mil.load(package(chain, {"x": X}))
    model.predict({"x": X})
    before = tensors()
    for _ in range(200):
        model.predict({"x": X})
    assert tensors() == before


def test_values_are_gone_after_their_last_use(package) -> None:
    """The operand of a softmax, its result, and one that the step before has just left."""
    model = mil.load(package(chain, {"x": X}))
    alive: list[int] = []
    made: list[weakref.ref[torch.Tensor]] = []

    def watched(step):
        def run(*operands):
            result = step.run(*operands)
            made.append(weakref.ref(result))
            alive.append(sum(reference() is not None for reference in made))
            return result

        return dataclasses.replace(step, run=run)

    model._bound = dataclasses.replace(model._bound, steps=tuple(map(watched, model._bound.steps)))
    model.predict({"x": X})
    assert len(alive) == 40
    assert max(alive) <= 3


def test_a_model_that_is_dropped_takes_its_weights_along(package) -> None:
    model = mil.load(package(lambda x: mb.linear(x=x, weight=LARGE), {"x": X}))
    model.predict({"x": X})
    weights = [weakref.ref(value) for value in constants(model)]
    assert weights
    del model
    gc.collect()
    assert [reference() for reference in weights] == [None] * len(weights)


@pytest.mark.parametrize("precision", ["declared", "float32"])
def test_large_fp16_weights_are_held_in_fp16(package, precision) -> None:
    path = package(lambda x: mb.linear(x=x, weight=LARGE), {"x": X})
    model = mil.load(path, precision=precision)
    assert {value.dtype for value in constants(model) if value.numel() == LARGE.size} == {torch.float16}
    (found,) = model.predict({"x": X}).values()
    expected = X.astype(np.float64) @ LARGE.astype(np.float64).T
    # sums of 256 products of about 1 in float32, then fp16's 11 bits of values up to 64
    np.testing.assert_allclose(found, expected, atol=2**-5 if precision == "declared" else 1e-4)


@pytest.mark.parametrize("precision", ["declared", "float32"])
def test_dequantized_weights_are_held_in_fp16_only_where_that_is_all_of_them(package, precision) -> None:
    data = RNG.integers(-128, 128, (256, 256), np.int8)
    scale = np.float16(0.1)

    def build(x):
        weight = mb.constexpr_affine_dequantize(quantized_data=data, zero_point=np.int8(3), scale=scale, axis=0)
        return mb.linear(x=x, weight=weight)

    model = mil.load(package(build, {"x": X}), precision=precision)
    (weight,) = (value for value in constants(model) if value.numel() == data.size)
    exact = (data.astype(np.float32) - 3) * np.float32(scale)
    wanted = exact.astype(np.float16) if precision == "declared" else exact
    assert weight.dtype is (torch.float16 if precision == "declared" else torch.float32)
    np.testing.assert_array_equal(weight.numpy(), wanted)


def test_a_large_constant_reaches_every_reader_in_float32(package) -> None:
    """One operand, one of several, read from a nested block, the program's own output, and an operator that reads it
    when it is bound."""

    def build(x):
        large = mb.const(val=LARGE, name="large")
        joined = mb.concat(values=[x, large], axis=0, name="joined")
        chosen = mb.cond(
            pred=mb.greater(x=mb.reduce_max(x=x), y=np.float16(-100)),
            _true_fn=lambda: mb.add(x=large, y=large),
            _false_fn=lambda: mb.identity(x=large),
            name="chosen",
        )
        scaled = mb.layer_norm(x=mb.expand_dims(x=large, axes=[0]), axes=[1, 2], gamma=LARGE, name="scaled")
        return joined, chosen, scaled, mb.identity(x=large, name="same")

    model = mil.load(package(build, {"x": X}))
    found = model.predict({"x": X})
    large = LARGE.astype(np.float32)
    np.testing.assert_array_equal(found["joined"], np.concatenate([X.astype(np.float32), large]))
    np.testing.assert_array_equal(found["chosen"], (large + large).astype(np.float16))
    normal = (large - large.mean()) / np.sqrt(large.var() + np.float16(1e-5)) * large
    np.testing.assert_allclose(found["scaled"][0], normal, atol=2**-6)
    np.testing.assert_array_equal(found["same"], large)
    module = model.as_module()
    assert {value.dtype for value in module.buffers() if value.is_floating_point()} == {torch.float32}
    for name, value in module(torch.from_numpy(X)).items():
        assert value.dtype is torch.float32
        np.testing.assert_array_equal(value.numpy(), found[name])


def test_large_values_are_rounded_in_parts_as_small_ones_are() -> None:
    from mobiledeploy.mil.executor import round_to_half

    value = torch.randn(3, 5, 70_001) * 1e3
    for tensor in (value.clone(), value.clone().transpose(0, 2)):
        expected = tensor.half().float()
        round_to_half(tensor)
        assert torch.equal(tensor, expected)
