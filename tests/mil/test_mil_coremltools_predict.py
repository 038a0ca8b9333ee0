"""coremltools' own MLModel, predicting here."""

from __future__ import annotations

import sys
import warnings

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types
from coremltools.models import _compiled_model, model

from mobiledeploy.errors import HostError, InputError
from mobiledeploy.mil import enable_coremltools_predict

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
NAMES = [(model, "_MLModelProxy"), (model, "_is_macos"), (model, "_macos_version"), (_compiled_model, "_MLModelProxy")]


@pytest.fixture
def enabled():
    with enable_coremltools_predict(force=True) as patch:
        yield patch


def program():
    @mb.program(input_specs=[mb.TensorSpec(shape=X.shape)])
    def doubled(x):
        return mb.mul(x=x, y=2.0, name="y")

    return doubled


def test_a_conversion_predicts_at_once(enabled) -> None:
    converted = ct.convert(program(), convert_to="mlprogram")
    np.testing.assert_array_equal(converted.predict({"x": X})["y"], 2 * X.astype(np.float16).astype(np.float32))
    assert converted.load_duration_in_nano_seconds > 0
    assert converted.last_predict_duration_in_nano_seconds > 0


def test_a_package_a_specification_and_a_batch_predict(enabled, package) -> None:
    path = str(package(lambda x: mb.mul(x=x, y=2.0, name="y"), {"x": X}))
    loaded = ct.models.MLModel(path)
    from_specification = ct.models.MLModel(loaded.get_spec(), weights_dir=loaded.weights_dir)
    compiled = ct.models.CompiledMLModel(path, compute_units=ct.ComputeUnit.CPU_AND_NE)
    for each in (loaded, from_specification, compiled):
        np.testing.assert_array_equal(each.predict({"x": X})["y"], 2 * X)
    found = loaded.predict([{"x": X}, {"x": X + 1}])
    np.testing.assert_array_equal([each["y"] for each in found], [2 * X, 2 * X + 2])


def test_precision_is_that_of_load(package) -> None:
    def build(x):
        return mb.cast(x=mb.add(x=mb.cast(x=x, dtype="fp16"), y=np.float16(2048)), dtype="fp32", name="y")

    path = str(package(build, {"x": X}))
    found = {}
    for precision in ("declared", "float32"):
        with enable_coremltools_predict(force=True, precision=precision):
            found[precision] = ct.models.MLModel(path).predict({"x": X})["y"]
    np.testing.assert_array_equal(found["declared"], (np.float16(2048) + X.astype(np.float16)).astype(np.float32))
    assert np.abs(found["float32"] - 2048 - X).max() < 1e-3


def test_states_are_made_read_and_written(enabled, package) -> None:
    def build(x, total):
        grown = mb.add(x=mb.read_state(input=total), y=mb.cast(x=x, dtype="fp16"))
        return mb.cast(x=mb.coreml_update_state(state=total, value=grown), dtype="fp32", name="y")

    inputs = {"x": X, "total": mb.StateTensorSpec((3, 4), dtype=types.fp16)}
    loaded = ct.models.MLModel(str(package(build, inputs, opset="iOS18")))
    state = loaded.make_state()
    for count in (1, 2):
        found = loaded.predict({"x": np.ones_like(X)}, state)["y"]
        np.testing.assert_array_equal(found, np.full_like(X, count))
    state.write_state("total", np.full_like(X, 5))
    np.testing.assert_array_equal(loaded.predict({"x": np.ones_like(X)}, state)["y"], np.full_like(X, 6))
    np.testing.assert_array_equal(state.read_state("total"), np.full_like(X, 6))
    with pytest.raises(RuntimeError, match="no state 'other'"):
        state.read_state("other")
    with pytest.raises(RuntimeError, match="its shape is"):
        state.write_state("total", X[0])
    with pytest.raises(RuntimeError, match="the model keeps a state"):
        loaded.predict({"x": X})


def test_a_function_is_chosen_by_name(enabled, package, tmp_path) -> None:
    description = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("doubled", 2.0), ("halved", 0.5)):
        path = package(lambda x, factor=factor: mb.mul(x=x, y=factor, name="y"), {"x": X}, name=name, opset="iOS18")
        description.add_function(str(path), src_function_name="main", target_function_name=name)
    description.default_function_name = "halved"
    joined = str(tmp_path / "joined.mlpackage")
    ct.utils.save_multifunction(description, joined)
    for name, factor in ((None, 0.5), ("doubled", 2.0), ("halved", 0.5)):
        found = ct.models.MLModel(joined, function_name=name).predict({"x": X})["y"]
        np.testing.assert_allclose(found, factor * X)


WRONG = [
    ({}, RuntimeError, "input 'x' is missing"),
    ({"x": X[:2]}, RuntimeError, "Size (2) of dimension (0) is not in allowed range (3..5)"),
    ({"z": X}, KeyError, "does not match any of the model input name"),
]


@pytest.mark.parametrize(("inputs", "kind", "message"), WRONG)
def test_errors_are_of_core_mls_kinds(enabled, package, inputs, kind, message) -> None:
    shape = [ct.TensorType("x", shape=(ct.RangeDim(3, 5), 4))]
    spec = mb.TensorSpec(shape=(get_new_symbol(), 4), dtype=types.fp32)
    loaded = ct.models.MLModel(str(package(lambda x: mb.relu(x=x), {"x": spec}, inputs=shape)))
    with pytest.raises(kind) as caught:
        loaded.predict(inputs)
    assert message in str(caught.value)


def test_a_damaged_program_warns_when_it_is_loaded_and_raises_when_it_predicts(enabled, package, tmp_path) -> None:
    path = package(lambda x: mb.relu(x=x, name="y"), {"x": X})
    specification = ct.utils.load_spec(str(path))
    block = specification.mlProgram.functions["main"].block_specializations["CoreML7"]
    block.operations[0].type = "fry"
    with pytest.warns(RuntimeWarning, match="You will not be able to run predict"):
        loaded = ct.models.MLModel(specification, weights_dir=str(tmp_path))
    with pytest.raises(RuntimeError, match="'fry' is not implemented"):
        loaded.predict({"x": X})


def test_a_neural_network_loads_in_silence_and_says_that_it_cannot_be_executed(enabled) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        converted = ct.convert(program(), convert_to="neuralnetwork")
    with pytest.raises(RuntimeError, match=r"older neural-network format .*convert_to='mlprogram'"):
        converted.predict({"x": X})


def test_so_does_a_pipeline_that_holds_one(enabled, package) -> None:
    network = ct.convert(program(), convert_to="neuralnetwork").get_spec()
    pipeline = ct.proto.Model_pb2.Model(specificationVersion=network.specificationVersion)
    pipeline.description.CopyFrom(network.description)
    pipeline.pipeline.models.add().CopyFrom(network)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        loaded = ct.models.MLModel(pipeline)
    with pytest.raises(RuntimeError, match="older neural-network format"):
        loaded.predict({"x": X})


def test_what_only_a_mac_has_is_refused_by_name(enabled, package) -> None:
    loaded = ct.models.MLModel(str(package(lambda x: mb.relu(x=x), {"x": X})))
    for ask in (
        loaded.get_compiled_model_path,
        loaded.get_available_compute_devices,
        lambda: ct.models.CompiledMLModel("model.mlmodelc"),
        lambda: model.MLModelAsset.from_path("model.mlmodelc"),
        lambda: model.MLModelAsset.from_memory(b""),
    ):
        with pytest.raises(RuntimeError, match="exists only on a Mac"):
            ask()


def test_it_is_undone_and_models_made_in_between_go_on(package) -> None:
    path = str(package(lambda x: mb.mul(x=x, y=2.0, name="y"), {"x": X}))
    before = [getattr(module, name) for module, name in NAMES]
    with enable_coremltools_predict(force=True) as patch:
        assert patch.enabled
        kept = ct.models.MLModel(path)
    assert not patch.enabled
    assert [getattr(module, name) for module, name in NAMES] == before
    np.testing.assert_array_equal(kept.predict({"x": X})["y"], 2 * X)
    patch.disable()
    assert [getattr(module, name) for module, name in NAMES] == before


def test_a_second_call_changes_nothing_and_undoes_nothing(enabled) -> None:
    proxy = model._MLModelProxy
    with enable_coremltools_predict(force=True) as second:
        assert not second.enabled
        assert model._MLModelProxy is proxy
    assert model._MLModelProxy is proxy
    assert enabled.enabled


def test_the_rest_of_coremltools_still_knows_the_system(enabled) -> None:
    assert ct.utils._is_macos() == (sys.platform == "darwin")
    assert (sys.platform == "darwin") is ct._deps._IS_MACOS


def test_a_mac_keeps_core_ml_unless_told_otherwise(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = model._MLModelProxy
    assert not enable_coremltools_predict().enabled
    assert model._MLModelProxy is before
    with enable_coremltools_predict(force=True) as patch:
        assert patch.enabled
    assert model._MLModelProxy is before


def test_without_coremltools_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "coremltools.models", None)
    with pytest.raises(HostError, match="coremltools cannot be imported") as caught:
        enable_coremltools_predict()
    assert "pip install coremltools" in caught.value.remedy


def test_another_precision_is_refused() -> None:
    with pytest.raises(InputError, match="precision is 'half'"):
        enable_coremltools_predict(precision="half")
