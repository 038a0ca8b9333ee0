"""Rounding, ownership, listeners, lifetimes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb

from mobiledeploy import mil
from mobiledeploy.errors import PackageError
from mobiledeploy.mil.bind import bind_function
from mobiledeploy.mil.package import open_package
from mobiledeploy.mil.reader import parse_model, read_program
from mobiledeploy.mil.schema import message_class

X = np.linspace(-1, 1, 2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
H = X.astype(np.float16)


def half(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16).astype(np.float32)


def chain(x):
    return mb.add(x=mb.mul(x=mb.exp(x=x), y=np.float16(1.1)), y=np.float16(0.3))


def test_values_declared_fp16_are_rounded_after_each_operator(execute) -> None:
    (declared,) = execute(chain, {"x": H})
    f = np.float32
    expected = half(half(half(np.exp(H.astype(f))) * f(np.float16(1.1))) + f(np.float16(0.3)))
    # exp itself may differ in the last bit of float32, and so in fp16
    assert (declared == expected).mean() > 0.98
    np.testing.assert_allclose(declared, expected, rtol=2e-3)
    assert np.array_equal(declared, half(declared))


def test_precision_float32_does_not_round(execute) -> None:
    (exact,) = execute(chain, {"x": H}, precision="float32")
    expected = np.exp(H.astype(float)) * float(np.float16(1.1)) + float(np.float16(0.3))
    np.testing.assert_allclose(exact, expected, rtol=1e-6)
    assert not np.array_equal(exact, half(exact))


def test_both_precisions_are_one_where_the_program_declares_fp32(execute) -> None:
    def build(x):
        return mb.tanh(x=mb.mul(x=x, y=1.1))

    (declared,), (exact,) = execute(build, {"x": X}), execute(build, {"x": X}, precision="float32")
    np.testing.assert_array_equal(declared, exact)


def test_fp16_overflows_to_infinity_and_underflows_to_zero(execute) -> None:
    x = np.array([300.0, 60000.0, 1e-4, -0.0], np.float16)
    (found,) = execute(lambda x: mb.mul(x=x, y=x), {"x": x})
    np.testing.assert_array_equal(found, [np.inf, np.inf, 0.0, 0.0])


def test_a_converted_program_computes_in_fp16(execute) -> None:
    import coremltools as ct

    options = {"compute_precision": ct.precision.FLOAT16, "pass_pipeline": ct.PassPipeline.DEFAULT}
    (declared,) = execute(lambda x: mb.mul(x=x, y=0.1), {"x": X}, **options)
    np.testing.assert_array_equal(declared, half(half(X) * np.float32(np.float16(0.1))))


def network(x):
    weight = np.ones((2, 3, 1, 1), np.float32)
    y = mb.relu(x=mb.conv(x=x, weight=weight, name="first"), name="second")
    return mb.reshape(x=mb.relu(x=mb.sub(x=y, y=1.0, name="third"), name="fourth"), shape=[2, -1], name="fifth")


def test_a_listener_sees_every_operator_with_its_outputs(package) -> None:
    seen = []
    model = mil.load(package(network, {"x": X}))
    (result,) = model.predict({"x": X}, listener=lambda operation, outputs: seen.append((operation, outputs))).values()
    computing = [(operation.type, operation.outputs) for operation, _ in seen]
    assert [kind for kind, _ in computing] == ["conv", "relu", "sub", "relu", "reshape"]
    conv, relu = seen[0][0], seen[1][0]
    assert relu.inputs == {"x": conv.outputs}
    assert set(conv.inputs) >= {"x", "weight"}
    assert all(isinstance(value, torch.Tensor) for _, outputs in seen for value in outputs)
    np.testing.assert_array_equal(seen[-1][1][0].numpy(), result)


def test_what_a_listener_gets_is_its_own_to_keep(package) -> None:
    """Later operators overwrite values in place; copies must not change with them."""
    model = mil.load(package(network, {"x": X}))
    kept = {}
    model.predict({"x": X}, listener=lambda operation, outputs: kept.update({operation.name: outputs[0]}))
    total = X.sum(1, keepdims=True).repeat(2, 1)
    np.testing.assert_allclose(kept["first"].numpy(), total, rtol=1e-6)
    np.testing.assert_allclose(kept["second"].numpy(), np.maximum(total, 0), rtol=1e-6)
    np.testing.assert_allclose(kept["third"].numpy(), np.maximum(total, 0) - 1, rtol=1e-6)


def test_a_listener_sees_inside_loops(package) -> None:
    def build(x):
        _, y = mb.while_loop(
            _cond=lambda i, y: mb.less(x=i, y=3),
            _body=lambda i, y: (mb.add(x=i, y=1), mb.mul(x=y, y=2.0)),
            loop_vars=(0, mb.relu(x=x)),
        )
        return y

    kinds = []
    mil.load(package(build, {"x": X})).predict({"x": X}, listener=lambda operation, _: kinds.append(operation.type))
    assert kinds == ["relu"] + ["less", "add", "mul"] * 3 + ["less", "while_loop"]


def test_inputs_and_constants_are_never_written_to(package) -> None:
    constant = np.full((2, 3, 4, 4), 2.0, np.float32)

    def build(x):
        return mb.relu(x=x), mb.relu(x=mb.reshape(x=x, shape=[96])), mb.add(x=mb.mul(x=x, y=constant), y=constant)

    model = mil.load(package(build, {"x": X}))
    given = X.copy()
    first = list(model.predict({"x": given}).values())
    second = list(model.predict({"x": given}).values())
    np.testing.assert_array_equal(given, X)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(first[2], X * 2 + 2)


def test_results_do_not_share_memory_with_the_next_prediction(package) -> None:
    model = mil.load(package(lambda x: mb.identity(x=mb.relu(x=x)), {"x": X}))
    (first,) = model.predict({"x": X}).values()
    kept = first.copy()
    model.predict({"x": X + 5})
    np.testing.assert_array_equal(first, kept)


def bound(path):
    package = open_package(path)
    program = read_program(parse_model(package.read_model(), str(path)).mlProgram, package)
    return bind_function(program.functions["main"], rounds=True)


def test_values_are_freed_after_their_last_use(package) -> None:
    """Every slot that is no output is dead once; nothing is read after its death."""

    def build(x):
        y = mb.relu(x=x)
        z = mb.exp(x=y)
        return mb.add(x=mb.mul(x=y, y=z), y=mb.sub(x=z, y=1.0))

    block = bound(package(build, {"x": X}))
    dead: set[int] = set()
    for step in block.steps:
        assert dead.isdisjoint(step.operands)
        assert dead.isdisjoint(step.dead)
        dead |= set(step.dead)
    variables = {slot for step in block.steps for slot in step.results} | set(block.inputs)
    assert dead == variables - set(block.outputs)


def test_memory_does_not_grow_along_a_chain(package) -> None:
    """Sorting makes new memory each time: what it read may go as soon as it is done."""
    import gc

    def build(x):
        for _ in range(12):
            x = mb.topk(x=x, k=4, axis=3)[0]
        return x

    alive = []

    def count(operation, outputs) -> None:
        alive.append(sum(isinstance(thing, torch.Tensor) and thing.shape == X.shape for thing in gc.get_objects()))

    model = mil.load(package(build, {"x": X}))
    model.predict({"x": X}, listener=count)
    assert len(alive) == 12
    assert max(alive[2:]) == alive[2]


def test_a_value_must_have_the_declared_shape(package) -> None:
    path = package(lambda x: mb.relu(x=mb.exp(x=x)), {"x": X})
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    function = message.mlProgram.functions["main"]
    operation = function.block_specializations[function.opset].operations[0]
    operation.outputs[0].type.tensorType.dimensions[0].constant.size = 7
    file.write_bytes(message.SerializeToString())
    with pytest.raises(
        PackageError, match=r"exp failed: a value has the shape \(2, 3, 4, 4\), declared is \(7, 3, 4, 4\)"
    ):
        mil.load(path).predict({"x": X})


def inline_constants(path) -> None:
    """Writes every constant into the calls that read it, as other converters do, in place of a `const` of its own."""
    file = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    message = message_class("Model").FromString(file.read_bytes())
    function = message.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    constants = {op.outputs[0].name: op.attributes["val"] for op in block.operations if op.type == "const"}
    kept = [op for op in block.operations if op.type != "const"]
    for operation in kept:
        for argument in operation.inputs.values():
            for binding in argument.arguments:
                if binding.name in constants:
                    binding.value.CopyFrom(constants[binding.name])
    del block.operations[:]
    block.operations.extend(kept)
    file.write_bytes(message.SerializeToString())


def test_constants_may_be_written_into_the_calls(package) -> None:
    """Then a transposed value has no operand but the value itself, and lies in the same memory."""

    def build(x):
        double = mb.mul(x=x, y=2.0)
        turned = mb.add(x=double, y=mb.transpose(x=double, perm=[1, 0]))
        return turned, mb.sub(x=mb.reverse(x=turned, axes=[0]), y=turned)

    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    path = package(build, {"x": x})
    inline_constants(path)
    turned, reversed_ = mil.load(path).predict({"x": x}).values()
    np.testing.assert_array_equal(turned, 2 * x + 2 * x.T)
    np.testing.assert_array_equal(reversed_, turned[::-1] - turned)


def test_a_view_is_not_overwritten_while_what_it_shows_is_still_to_be_read(package) -> None:
    def build(x):
        double = mb.mul(x=x, y=2.0)
        return mb.relu(x=mb.transpose(x=double, perm=[1, 0])), mb.add(x=double, y=1.0)

    x = np.arange(-4, 5, dtype=np.float32).reshape(3, 3)
    path = package(build, {"x": x})
    inline_constants(path)
    positive, more = mil.load(path).predict({"x": x}).values()
    np.testing.assert_array_equal(positive, np.maximum(2 * x.T, 0))
    np.testing.assert_array_equal(more, 2 * x + 1)


def test_a_view_of_a_constant_is_never_written_to(package) -> None:
    constant = np.linspace(-1, 1, 96, dtype=np.float32)

    def build(x):
        return mb.add(x=mb.exp(x=mb.reshape(x=constant, shape=[2, 3, 4, 4])), y=x)

    model = mil.load(package(build, {"x": X}))
    for _ in range(2):
        (found,) = model.predict({"x": X}).values()
        np.testing.assert_allclose(found, np.exp(constant.astype(float)).reshape(X.shape) + X, rtol=1e-5)


def test_where_a_run_fails_the_operator_is_named(package) -> None:
    def build(x, shape):
        return mb.reshape(x=x, shape=shape, name="broken")

    model = mil.load(package(build, {"x": X, "shape": np.array([2, 48], np.int32)}))
    with pytest.raises(
        PackageError, match="Unable to compute the prediction using ML Program: reshape failed"
    ) as caught:
        model.predict({"x": X, "shape": np.array([5, 5], np.int32)})
    assert caught.value.where == "operator 'broken'"


def test_a_thousand_predictions_leave_memory_flat(package) -> None:
    import gc

    model = mil.load(package(network, {"x": X}))

    def tensors() -> int:
        gc.collect()
        return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())

    model.predict({"x": X})
    before = tensors()
    for _ in range(1000):
        model.predict({"x": X})
    assert tensors() == before


def test_results_never_share_memory_with_operands_that_live_on(execute) -> None:
    """What may answer with its operand itself, followed by an operator that writes in place."""
    moves = (
        lambda y: mb.sliding_windows(x=mb.reshape(x=y, shape=[6, 16]), axis=1, size=2),
        lambda y: mb.concat(values=(y,), axis=0),
        lambda y: mb.tile(x=y, reps=[1, 1, 1, 1]),
        lambda y: mb.pad(x=y, pad=[0, 0], mode="reflect"),
        lambda y: mb.pad(x=y, pad=[0, 0]),
        lambda y: mb.cast(x=mb.cast(x=y, dtype="fp32"), dtype="fp32"),
        lambda y: mb.resize(x=y, shape=[4, 4], resized_dims=np.uint32(2)),
        lambda y: mb.upsample_nearest_neighbor(x=y),
        lambda y: mb.reshape(x=y, shape=[2, 3, 4, 4]),
        lambda y: mb.transpose(x=y, perm=[0, 1, 2, 3]),
        lambda y: mb.slice_by_size(x=y, begin=[0, 0, 0, 0], size=[2, 3, 4, 4]),
        lambda y: mb.split(x=y, num_splits=1, axis=0),
        lambda y: mb.identity(x=y),
        lambda y: mb.squeeze(x=mb.reshape(x=y, shape=[1, 6, 16])),
    )

    def build(x):
        y = mb.mul(x=x, y=1.0)
        return (*(mb.relu(x=mb.identity(x=move(y))) for move in moves), mb.add(x=y, y=0.0))

    *found, kept = execute(build, {"x": X})
    np.testing.assert_array_equal(kept, X)
    flat = X.reshape(6, 16)
    windows = np.stack((flat[:, :-1], flat[:, 1:]), -1)
    np.testing.assert_array_equal(found[0], np.maximum(windows, 0))
    for value in found[1:]:
        np.testing.assert_array_equal(value.reshape(-1), np.maximum(X, 0).reshape(-1))


@pytest.mark.parametrize("nested", [False, True])
def test_what_a_listener_raises_reaches_its_caller(package, nested) -> None:
    def plain(x):
        return mb.relu(x=x)

    def looping(x):
        return mb.while_loop(
            _cond=lambda i, y: mb.less(x=i, y=3), _body=lambda i, y: (mb.add(x=i, y=1), mb.relu(x=y)), loop_vars=(0, x)
        )[1]

    def listener(operation, outputs) -> None:
        raise ValueError("of the listener's own")

    model = mil.load(package(looping if nested else plain, {"x": X}))
    with pytest.raises(ValueError, match="of the listener's own"):
        model.predict({"x": X}, listener=listener)
