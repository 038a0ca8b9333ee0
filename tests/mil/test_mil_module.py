"""A program as an `nn.Module`: the executor's values, and a graph that holds every constant once."""

from __future__ import annotations

import copy

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

from mobiledeploy import mil
from mobiledeploy.errors import InputError, PackageError, UnsupportedError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4, 4)).astype(np.float32)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


WEIGHT, GAMMA, BETA, MEAN = draw(3, 3, 3, 3), draw(3), draw(3), draw(3)
VARIANCE = np.array([0.5, 1.0, 2.0], np.float32)


def network(x):
    """Every way in which an operator takes constants: as operands, by name and written into the call."""
    x = mb.conv(x=x, weight=WEIGHT, pad_type="same", name="convolved")
    x = mb.batch_norm(x=x, mean=MEAN, variance=VARIANCE, gamma=GAMMA, beta=BETA, name="normalized")
    x = mb.layer_norm(x=x, axes=[-1], gamma=draw(4), beta=draw(4))
    x = mb.instance_norm(x=x, gamma=GAMMA, beta=BETA)
    x = mb.relu(x=x)
    y = mb.linear(x=x, weight=draw(5, 4), bias=draw(5), name="y")
    return y, mb.reduce_mean(x=x, axes=[2, 3], name="z")


@pytest.fixture(params=["declared", "float32"])
def precision(request) -> str:
    return request.param


def half(package, **options):
    given = {"x": X.astype(np.float16)}

    def build(x):
        wide = mb.cast(x=x, dtype="fp32")
        return tuple(mb.cast(x=value, dtype="fp16", name=f"half_{value.name}") for value in network(wide))

    return package(build, given, **options)


def test_it_computes_what_predict_gives(package, precision) -> None:
    model = mil.load(half(package), precision=precision)
    module = model.as_module()
    expected = model.predict({"x": X})
    found = module(torch.from_numpy(X))
    assert list(found) == list(module.output_names) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name].numpy(), value)


def test_rounding_is_part_of_it_as_declared_only(package) -> None:
    path = package(lambda x: mb.add(x=x, y=np.float16(0.1)), {"x": X.astype(np.float16)})
    values = {p: next(iter(mil.load(path, precision=p).as_module()(torch.from_numpy(X)).values())) for p in PRECISIONS}
    assert torch.equal(values["declared"], values["declared"].half().float())
    assert not torch.equal(values["float32"], values["float32"].half().float())


PRECISIONS = ("declared", "float32")


def test_the_exported_program_computes_the_same(package, precision, tmp_path) -> None:
    module = mil.load(half(package), precision=precision).as_module()
    exported = torch.export.export(module, module.example_inputs())
    torch.export.save(exported, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    expected, found = module(torch.from_numpy(X)), loaded(torch.from_numpy(X))
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_constants_are_buffers_and_the_export_holds_them_once(package) -> None:
    model = mil.load(package(network, {"x": X}))
    module = model.as_module()
    state = module.state_dict()
    sizes = sorted(value.numel() for value in state.values() if value.is_floating_point())
    # gamma and beta, which two operators share, are one constant each to the package or two
    assert sizes in (sorted([81, 3, 3, 3, 3, 4, 4, 20, 5]), sorted([81, 3, 3, 3, 3, 4, 4, 3, 3, 20, 5]))
    exported = torch.export.export(module, module.example_inputs())
    assert set(exported.state_dict) == set(state)
    assert not any(isinstance(value, torch.Tensor) for value in exported.constants.values())


def test_buffers_are_the_memory_of_the_model_and_what_it_computes_with(package) -> None:
    model = mil.load(package(lambda x: mb.mul(x=x, y=np.full((4,), 2, np.float32)), {"x": X}))
    module = model.as_module()
    (scale,) = module.buffers()
    scale.fill_(3)
    expected = np.float32(3) * X
    np.testing.assert_array_equal(next(iter(module(torch.from_numpy(X)).values())).numpy(), expected)
    np.testing.assert_array_equal(next(iter(model.predict({"x": X}).values())), expected)


def test_another_state_dict_can_be_loaded_and_copies_are_their_own(package) -> None:
    module = mil.load(package(lambda x: mb.mul(x=x, y=np.full((4,), 2, np.float32)), {"x": X})).as_module()
    other = copy.deepcopy(module)
    other.load_state_dict({name: torch.full((4,), 5.0) for name in other.state_dict()})
    factors = [next(iter(m(torch.ones(2, 3, 4, 4)).values())).unique().tolist() for m in (module, other)]
    assert factors == [[2.0], [5.0]]


def test_names_that_python_cannot_have_are_told_apart(package) -> None:
    def build(x):
        for name in ("a.b", "a/b", "train"):
            x = mb.mul(x=x, y=mb.const(val=np.full((4,), 2, np.float32), name=name))
        return x

    module = mil.load(package(build, {"x": X})).as_module()
    assert len(list(module.buffers())) == 3
    np.testing.assert_array_equal(next(iter(module(torch.from_numpy(X)).values())).numpy(), 8 * X)


def test_inputs_come_in_the_described_order_and_are_checked(package) -> None:
    given = {"b": X, "a": X[:1].astype(np.int32)}
    path = package(lambda b, a: mb.sub(x=b, y=mb.cast(x=a, dtype="fp32")), given)
    module = mil.load(path).as_module()
    assert module.input_names == tuple(feature.name for feature in mil.load(path).inputs)
    values = {name: torch.from_numpy(value) for name, value in given.items()}
    (found,) = module(*(values[name] for name in module.input_names)).values()
    np.testing.assert_array_equal(found.numpy(), X - given["a"].astype(np.float32))
    with pytest.raises(InputError, match="1 inputs given"):
        module(values["b"])
    with pytest.raises(InputError, match=r"input 'b': its shape is \(2, 3, 4\)"):
        module(*(values[name][..., 0] for name in module.input_names))


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_a_picture_is_a_tensor_of_pixel_values_in_the_order_of_the_package(package, layout) -> None:
    inputs = [ct.ImageType("x", shape=(1, 3, 6, 8), color_layout=getattr(ct.colorlayout, layout))]
    path = package(lambda x: mb.mul(x=x, y=0.5), {"x": np.zeros((1, 3, 6, 8), np.float32)}, inputs=inputs)
    model = mil.load(path)
    photo = RNG.integers(0, 256, (6, 8, 3), np.uint8)
    (expected,) = model.predict({"x": photo}).values()
    pixels = np.ascontiguousarray(photo[..., :: -1 if layout == "BGR" else 1].transpose(2, 0, 1)[None])
    for given in (torch.from_numpy(pixels), torch.from_numpy(pixels).float()):
        np.testing.assert_array_equal(next(iter(model.as_module()(given).values())).numpy(), expected)


def test_a_classifier_gives_the_index_of_its_label_and_a_tensor_of_probabilities(package) -> None:
    x = np.array([[0.0, 2.0, 1.0]], np.float32)
    labels = ["cat", "dog", "bird"]
    path = package(lambda x: mb.softmax(x=x, name="scores"), {"x": x}, classifier_config=ct.ClassifierConfig(labels))
    module = mil.load(path).as_module()
    assert module.labels == tuple(labels)
    exported = torch.export.export(module, module.example_inputs()).module()
    for found in (module(torch.from_numpy(x)), exported(torch.from_numpy(x))):
        assert (found["classLabel"].item(), found["classLabel"].dtype) == (1, torch.int64)
        np.testing.assert_allclose(found["classLabel_probs"].numpy(), np.exp(x[0]) / np.exp(x).sum(), rtol=1e-6)


def counter(package):
    """Gives what it kept, and keeps the sum with x."""

    def build(total, x):
        before = mb.read_state(input=total)
        mb.coreml_update_state(state=total, value=mb.add(x=before, y=x))
        return mb.mul(x=before, y=np.float16(1), name="before")

    specs = {"total": mb.StateTensorSpec((4,), dtype=types.fp16), "x": mb.TensorSpec((4,), dtype=types.fp16)}
    return mil.load(package(build, specs, opset="iOS18"))


def test_states_are_buffers_that_every_call_updates(package) -> None:
    model = counter(package)
    module = model.as_module()
    x = torch.arange(4.0)
    exported = torch.export.export(module, module.example_inputs()).module()
    for runs in (exported, module):
        assert [runs(x)["before"].tolist() for _ in range(3)] == [[0, 0, 0, 0], [0, 1, 2, 3], [0, 2, 4, 6]]
        # torch's exported program works on the very buffers of the module
        module.reset_states()


def test_what_was_read_of_a_state_stays_when_it_is_written(package) -> None:
    def build(total, x):
        before = mb.read_state(input=total)
        mb.coreml_update_state(state=total, value=mb.add(x=before, y=x))
        return mb.identity(x=before, name="before")

    specs = {"total": mb.StateTensorSpec((4,), dtype=types.fp16), "x": mb.TensorSpec((4,), dtype=types.fp16)}
    module = mil.load(package(build, specs, opset="iOS18")).as_module()
    first = module(torch.ones(4))["before"]
    module(torch.ones(4))
    assert first.tolist() == [0, 0, 0, 0]


def loop(x):
    return mb.while_loop(
        _cond=lambda value: mb.less(x=mb.reduce_max(x=value), y=100.0),
        _body=lambda value: mb.mul(x=value, y=2.0),
        loop_vars=(x,),
        name="doubling",
    )


def read(x):
    ls = mb.make_list(init_length=3, elem_shape=X.shape, dtype="fp32")
    ls = mb.list_write(ls=ls, index=1, value=x)
    return mb.list_read(
        ls=ls, index=mb.cast(x=mb.reduce_max(x=mb.clip(x=x, alpha=0.0, beta=1.0)), dtype="int32"), name="taken"
    )


UNCAPTURED = {
    "while_loop": (loop, "while_loop 'doubling"),
    "list_read": (read, "'taken'"),
}


@pytest.mark.parametrize("operator", UNCAPTURED)
def test_what_depends_on_values_runs_but_is_not_captured(package, operator) -> None:
    build, where = UNCAPTURED[operator]
    model = mil.load(package(build, {"x": X}))
    module = model.as_module()
    (expected,), (found,) = model.predict({"x": X}).values(), module(torch.from_numpy(X)).values()
    np.testing.assert_array_equal(found.numpy(), expected)
    with pytest.raises(UnsupportedError, match=r"cannot be captured by torch\.export") as caught:
        torch.export.export(module, module.example_inputs())
    assert where in caught.value.where


def test_several_shapes_are_for_the_caller_to_choose(package) -> None:
    spec = mb.TensorSpec(shape=(1, get_new_symbol()))
    shape = ct.Shape((1, ct.RangeDim(2, 5)))
    path = package(lambda x: mb.mul(x=x, y=2.0), {"x": spec}, inputs=[ct.TensorType("x", shape=shape)])
    module = mil.load(path).as_module()
    with pytest.raises(InputError, match="input 'x' takes several shapes"):
        module.example_inputs()
    for size in (2, 5):
        exported = torch.export.export(module, (torch.zeros(1, size),)).module()
        assert next(iter(exported(torch.ones(1, size)).values())).tolist() == [[2.0] * size]


def test_errors_of_the_run_are_those_of_predict(package) -> None:
    spec = mb.TensorSpec(shape=(get_new_symbol(),))
    build = lambda x: mb.reshape(x=x, shape=(2, 3))  # noqa: E731
    path = package(build, {"x": spec}, inputs=[ct.TensorType("x", shape=ct.Shape((ct.RangeDim(1, 9),)))])
    with pytest.raises(PackageError, match="Unable to compute the prediction using ML Program: reshape failed"):
        mil.load(path).as_module()(torch.zeros(5))


def test_lists_whose_places_are_known_are_captured(package) -> None:
    def build(x):
        ls = mb.make_list(init_length=3, elem_shape=X.shape, dtype="fp32")
        ls = mb.list_write(ls=ls, index=1, value=x)
        ls = mb.list_scatter(ls=ls, indices=[2], value=mb.expand_dims(x=mb.mul(x=x, y=2.0), axes=[0]))
        return mb.list_gather(ls=ls, indices=[2, 0, 1]), mb.list_read(ls=ls, index=2)

    model = mil.load(package(build, {"x": X}))
    module = model.as_module()
    exported = torch.export.export(module, module.example_inputs()).module()
    found = exported(torch.from_numpy(X))
    for name, value in model.predict({"x": X}).items():
        np.testing.assert_array_equal(found[name].numpy(), value)
