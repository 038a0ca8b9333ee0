"""The onnxruntime backend: the conventions and errors of the torch backend, on the same packages."""

from __future__ import annotations

import builtins

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types
from PIL import Image

from mobiledeploy import mil
from mobiledeploy.errors import HostError, InputError, PackageError, UnsupportedError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1, 3, 8, 8)).astype(np.float32)
KERNEL, SCALE = (RNG.standard_normal(shape).astype(np.float16) for shape in ((6, 3, 3, 3), (6, 1, 1)))


def network(x):
    x = mb.conv(x=x, weight=KERNEL, pad_type="same")
    x = mb.gelu(x=mb.mul(x=x, y=SCALE), mode="EXACT")
    return mb.softmax(x=x, axis=1, name="y"), mb.reduce_argmax(x=x, axis=1, name="largest")


@pytest.mark.parametrize(("precision", "tolerance"), [("declared", 2**-10), ("float32", 2e-6)])
def test_it_predicts_what_torch_predicts(package, precision, tolerance) -> None:
    """As declared, a sum taken in another order may round to the neighbouring fp16 value: 2^-11 of values up to 1,
    twice for what follows from it."""
    path = package(network, {"x": X.astype(np.float16)})
    expected = mil.load(path, precision=precision).predict({"x": X})
    found = mil.load(path, precision=precision, backend="onnxruntime").predict({"x": X})
    assert list(found) == list(expected)
    np.testing.assert_allclose(found["y"], expected["y"], rtol=0, atol=tolerance)
    np.testing.assert_array_equal(found["largest"], expected["largest"])
    assert [value.dtype for value in found.values()] == [value.dtype for value in expected.values()]


def test_declared_values_are_rounded_and_float32_ones_are_not(package) -> None:
    path = package(lambda x: mb.add(x=x, y=np.float16(0.1), name="y"), {"x": X.astype(np.float16)})
    for precision, equal in (("declared", True), ("float32", False)):
        y = mil.load(path, precision=precision, backend="onnxruntime").predict({"x": X})["y"]
        assert np.array_equal(y, y.astype(np.float16).astype(np.float32)) is equal


@pytest.mark.parametrize("labels", [["cat", "dog", "bird"], [7, 8, 9]])
def test_a_classifier_gives_its_label_and_all_probabilities(package, labels) -> None:
    x = np.array([[0.0, 2.0, 1.0]], np.float32)
    path = package(lambda x: mb.softmax(x=x, name="scores"), {"x": x}, classifier_config=ct.ClassifierConfig(labels))
    found = mil.load(path, backend="onnxruntime").predict({"x": x})
    assert found["classLabel"] == labels[1]
    assert list(found["classLabel_probs"]) == labels
    np.testing.assert_allclose(list(found["classLabel_probs"].values()), np.exp(x[0]) / np.exp(x).sum(), rtol=1e-6)


def test_images_come_as_they_are(package) -> None:
    inputs = [ct.ImageType("x", shape=(1, 3, 6, 8), color_layout=ct.colorlayout.BGR)]
    path = package(lambda x: mb.mul(x=x, y=0.5), {"x": np.zeros((1, 3, 6, 8), np.float32)}, inputs=inputs)
    photo = Image.fromarray(RNG.integers(0, 256, (6, 8, 3), np.uint8))
    expected, found = (mil.load(path, backend=backend).predict({"x": photo}) for backend in ("torch", "onnxruntime"))
    np.testing.assert_array_equal(*[next(iter(outputs.values())) for outputs in (expected, found)])
    with pytest.raises(InputError, match="the image has mode L, expected RGB"):
        mil.load(path, backend="onnxruntime").predict({"x": photo.convert("L")})


def test_outputs_that_nothing_computes(package) -> None:
    """An input and a constant given back as they are."""
    path = package(lambda x: (mb.identity(x=x, name="same"), mb.mul(x=x, y=2.0, name="twice")), {"x": X})
    found = mil.load(path, backend="onnxruntime").predict({"x": X})
    np.testing.assert_array_equal(found["same"], X)
    np.testing.assert_array_equal(found["twice"], 2 * X)


ORDERED = np.array([[2.0, 1.0, 2.0, -np.inf, np.inf, 1.0, -0.5]], np.float32)


@pytest.mark.parametrize("ascending", [True, False])
def test_equal_elements_keep_their_order(package, ascending) -> None:
    def build(x):
        return *mb.topk(x=x, k=5, axis=1, ascending=ascending), mb.argsort(x=x, axis=1, ascending=ascending)

    path = package(build, {"x": ORDERED})
    expected, found = (mil.load(path, backend=backend).predict({"x": ORDERED}) for backend in ("torch", "onnxruntime"))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_out_of_bounds_is_an_error(package, index) -> None:
    given = {"x": X, "i": np.array([index], np.int32)}
    path = package(lambda x, i: mb.gather(x=x, indices=i, axis=1), given)
    with pytest.raises(PackageError, match="Unable to compute the prediction using ML Program: onnxruntime: "):
        mil.load(path, backend="onnxruntime").predict(given)


def test_softplus_neither_overflows_nor_loses_small_values(package) -> None:
    x = np.array([-50.0, 30.0, 200.0], np.float32)
    (found,) = mil.load(package(lambda x: mb.softplus(x=x), {"x": x}), backend="onnxruntime").predict({"x": x}).values()
    np.testing.assert_allclose(found, [np.exp(-50), 30.0, 200.0], rtol=1e-6)


def flexible(package):
    spec = mb.TensorSpec(shape=(1, get_new_symbol()))
    shape = ct.Shape((1, ct.RangeDim(2, 40)))
    path = package(lambda x: mb.mul(x=x, y=2.0), {"x": spec}, inputs=[ct.TensorType("x", shape=shape)])
    return mil.load(path, backend="onnxruntime")


def test_each_shape_is_lowered_once(package, monkeypatch) -> None:
    lowered = []
    model = flexible(package)
    from mobiledeploy.mil import onnxruntime_model

    lower = onnxruntime_model.onnx_bytes
    monkeypatch.setattr(
        onnxruntime_model, "onnx_bytes", lambda module, values: lowered.append(values[0].shape) or lower(module, values)
    )
    for size in (2, 5, 2, 5):
        (found,) = model.predict({"x": np.ones((1, size))}).values()
        np.testing.assert_array_equal(found, np.full((1, size), 2))
    assert lowered == [(1, 2), (1, 5)]
    with pytest.raises(InputError, match=r"Size \(99\) of dimension \(1\) is not in allowed range \(2\.\.40\)"):
        model.predict({"x": np.ones((1, 99))})


def test_the_sessions_kept_are_bounded(package, monkeypatch) -> None:
    from mobiledeploy.mil import onnxruntime_model

    opened = []
    monkeypatch.setattr(onnxruntime_model, "onnx_bytes", lambda module, values: values[0].shape)
    monkeypatch.setattr(onnxruntime_model, "_open", lambda shape: opened.append(tuple(shape)) or Doubling())
    model = flexible(package)
    for size in (*range(2, 10), 2, 10, 2, 3):
        (found,) = model.predict({"x": np.ones((1, size))}).values()
        assert found.shape == (1, size)
    # 2 was used when 10 came, so it stayed; 3 had to go
    assert opened == [*((1, size) for size in range(2, 11)), (1, 3)]


class Doubling:
    """Stands for a session: what is tested is which of them are kept."""

    def get_inputs(self):
        return [type("Argument", (), {"name": "x"})]

    def run(self, names, feeds):
        return [2 * feeds["x"]]


def test_states_go_in_and_come_out(package) -> None:
    def build(total, x):
        value = mb.add(x=mb.read_state(input=total), y=x)
        return mb.mul(x=mb.coreml_update_state(state=total, value=value), y=np.float16(1), name="y")

    specs = {"total": mb.StateTensorSpec((4,), dtype=types.fp16), "x": mb.TensorSpec((4,), dtype=types.fp16)}
    model = mil.load(package(build, specs, opset="iOS18"), backend="onnxruntime")
    x, (first, second) = np.arange(4.0), (model.make_state(), model.make_state())
    found = [model.predict({"x": x}, state)["y"].tolist() for state in (first, first, second)]
    assert found == [[0, 1, 2, 3], [0, 2, 4, 6], [0, 1, 2, 3]]
    assert first.read_state("total").tolist() == [0, 2, 4, 6]
    with pytest.raises(InputError, match="the model keeps a state"):
        model.predict({"x": x})


def test_an_optional_input_has_its_default(package) -> None:
    inputs = [ct.TensorType("x", shape=(3, 4), default_value=np.full((3, 4), 1.5, np.float32))]
    path = package(lambda x: mb.mul(x=x, y=2.0), {"x": np.zeros((3, 4), np.float32)}, inputs=inputs)
    (found,) = mil.load(path, backend="onnxruntime").predict({}).values()
    np.testing.assert_array_equal(found, np.full((3, 4), 3.0))


def doubling(x):
    return mb.while_loop(
        _cond=lambda value: mb.less(x=mb.reduce_max(x=value), y=100.0),
        _body=lambda value: mb.mul(x=value, y=2.0),
        loop_vars=(x,),
        name="doubling",
    )


REFUSED = {
    "a loop": (doubling, "the program cannot be captured by torch.export", "while_loop 'doubling"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_lowered_is_refused_when_it_is_loaded(package, case) -> None:
    build, message, where = REFUSED[case]
    with pytest.raises(UnsupportedError, match=message) as caught:
        mil.load(package(build, {"x": X}), backend="onnxruntime")
    assert where in (caught.value.where or "")


def test_wrong_use_is_named(package, monkeypatch) -> None:
    path = package(lambda x: mb.relu(x=x), {"x": X})
    with pytest.raises(InputError, match="backend is 'tensorrt'"):
        mil.load(path, backend="tensorrt")
    model = mil.load(path, backend="onnxruntime")
    with pytest.raises(InputError, match="onnxruntime calls no listener"):
        model.predict({"x": X}, listener=lambda operation, outputs: None)
    with pytest.raises(InputError, match="the model has no input 'z'"):
        model.predict({"x": X, "z": X})
    without(monkeypatch, "onnxruntime")
    with pytest.raises(HostError, match="onnxruntime is not installed"):
        mil.load(path, backend="onnxruntime")


def without(monkeypatch, name: str) -> None:
    real = builtins.__import__

    def importing(wanted, *arguments, **options):
        if wanted == name:
            raise ImportError(name)
        return real(wanted, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
