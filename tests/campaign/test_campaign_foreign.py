"""Packages that no export of ours made, as jobs: what they are fed, and what a phone's outputs are held against."""

from __future__ import annotations

import json
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
from bench_process import bench_process, faithful
from foreign_packages import LABELS, foreign

from mobiledeploy import mil
from mobiledeploy.campaign.device_parity import device_parity, subject_reference
from mobiledeploy.campaign.prepare import is_package, prepare
from mobiledeploy.campaign.sizes import ChosenSizes
from mobiledeploy.errors import InputError, PackageError, UnsupportedError
from mobiledeploy.parity import reference as references
from mobiledeploy.records import SampleOutputs, TensorContent, UnitRun
from mobiledeploy.server.blobs import Blobs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """`made("classifier")`: that package, written once."""
    folder, kept = tmp_path_factory.mktemp("foreign"), {}
    return lambda kind: kept.setdefault(kind, None) or kept.update({kind: foreign(kind, folder)}) or kept[kind]


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def array(tensor: TensorContent, blobs: Blobs) -> np.ndarray:
    return np.frombuffer(blobs.find(tensor.sha256).read_bytes(), tensor.dtype).reshape(tensor.shape)


def inputs(prepared, blobs):
    """Of every sample, by name."""
    return {sample.name: {tensor.name: array(tensor, blobs) for tensor in sample.inputs} for sample in prepared.samples}


def device_outputs(found, blobs) -> UnitRun:
    """A compute unit that sends these arrays, by sample and output."""
    sent = []
    for sample, outputs in found.items():
        tensors = []
        for name, value in outputs.items():
            content = np.ascontiguousarray(value).tobytes()
            tensors.append(TensorContent(name, value.dtype.name, value.shape, blobs.add(content), len(content)))
        sent.append(SampleOutputs(sample, tuple(tensors)))
    return UnitRun("all", outputs=tuple(sent))


def judged(prepared, unit, blobs):
    reference = subject_reference(prepared.subject, blobs)
    return device_parity(unit, prepared.subject, reference, blobs)


@pytest.mark.parametrize("kind", ["arrays", "enumerated_arrays", "scalar", "painter"])
def test_what_the_program_itself_computes_passes_and_anything_else_does_not(made, blobs, kind) -> None:
    (prepared,) = prepare(made(kind), blobs)
    model = mil.load(made(kind))
    assert (prepared.subject.reference_of, prepared.subject.no_reference, prepared.function) == ("package", "", None)
    found = {}
    for sample, feeds in inputs(prepared, blobs).items():
        outputs = {name: np.asarray(value) for name, value in model.predict(feeds).items()}
        found[sample] = {name: value[..., :3] if value.ndim == 3 else value for name, value in outputs.items()}
    assert len(found) == 2
    right = judged(prepared, device_outputs(found, blobs), blobs)
    assert [each.passed for each in right] == [True, True]
    wrong = {sample: {name: value[::-1] * 2 for name, value in outputs.items()} for sample, outputs in found.items()}
    assert not any(each.passed for each in judged(prepared, device_outputs(wrong, blobs), blobs))


def test_the_reference_is_not_rounded_to_float16(made, blobs) -> None:
    (prepared,) = prepare(made("arrays"), blobs)
    reference = references.load(blobs.find(prepared.subject.reference))
    exact, rounded = mil.load(made("arrays"), precision="float32"), mil.load(made("arrays"))
    for sample, outputs in zip(reference.samples, reference.outputs, strict=True):
        np.testing.assert_array_equal(outputs["y"], exact.predict(sample.arrays)["y"])
        assert (outputs["y"] != rounded.predict(sample.arrays)["y"]).any()
    assert (prepared.subject.precision, prepared.subject.bar_db, prepared.subject.architecture) == ("float16", 40.0, "")


def test_the_same_package_is_fed_the_same(made, tmp_path) -> None:
    first, second = (prepare(made("classifier"), Blobs(tmp_path / name)) for name in ("a", "b"))
    assert first == second
    (picture,) = first[0].samples[0].inputs
    assert (picture.name, picture.dtype, picture.shape, picture.kind) == ("picture", "uint8", (32, 32, 3), "image")


def test_a_classifiers_probabilities_are_compared_where_a_class_has_its_own_label(made, blobs) -> None:
    (prepared,) = prepare(made("classifier"), blobs)
    assert (prepared.subject.labels, prepared.subject.distinct_classes) == (4, (1, 3))
    reference = references.load(blobs.find(prepared.subject.reference))
    (name,) = reference.outputs[0]
    sent = {
        sample.name: {name: outputs[name][0]}
        for sample, outputs in zip(reference.samples, reference.outputs, strict=True)
    }
    assert [each.passed for each in judged(prepared, device_outputs(sent, blobs), blobs)] == [True, True]
    crane = {sample: {name: outputs[name] * [7, 1, 7, 1]} for sample, outputs in sent.items()}
    crane = {sample: {name: outputs[name].astype(np.float32)} for sample, outputs in crane.items()}
    assert all(each.passed for each in judged(prepared, device_outputs(crane, blobs), blobs))
    swapped = {sample: {name: outputs[name][[0, 3, 2, 1]]} for sample, outputs in sent.items()}
    assert not any(each.passed for each in judged(prepared, device_outputs(swapped, blobs), blobs))
    assert len(LABELS) == 4


def test_a_picture_may_be_off_by_a_rounding_of_its_pixels(made, blobs) -> None:
    (prepared,) = prepare(made("painter"), blobs)
    assert prepared.subject.precision == "float32"
    reference = references.load(blobs.find(prepared.subject.reference))
    assert reference.outputs[0]["painted"].shape == (32, 32, 3)
    # of pixels up to 187 the PSNR of one step is 45 dB where all are off by it, and 48 dB where half of them are
    sent = {}
    for sample, outputs in zip(reference.samples, reference.outputs, strict=True):
        pixels = outputs["painted"].copy()
        pixels[::4] += 1
        sent[sample.name] = {"painted": pixels}
    found = judged(prepared, device_outputs(sent, blobs), blobs)
    assert all(each.passed and each.psnr_db < 60 for each in found)


def test_what_nothing_here_executes_is_measured_without_parity(made, blobs) -> None:
    (prepared,) = prepare(made("older"), blobs)
    assert subject_reference(prepared.subject, blobs) == (
        "nothing here executes the package (the model is in the older neural-network format (neuralNetwork), "
        "not an ML Program)"
    )
    assert (prepared.subject.precision, prepared.subject.reference) == ("", None)
    model, manifest = prepared.package.files
    assert (prepared.package.name, model.path) == ("older.mlpackage", "Data/com.apple.CoreML/model.mlmodel")
    assert blobs.find(model.sha256).read_bytes() == made("older").read_bytes()
    listed = json.loads(blobs.find(manifest.sha256).read_text())
    entry = listed["itemInfoEntries"][listed["rootModelIdentifier"]]
    assert (manifest.path, entry["path"]) == ("Manifest.json", "com.apple.CoreML/model.mlmodel")
    assert prepare(made("older"), blobs)[0].package == prepared.package


def test_a_package_that_gives_infinity_itself_is_measured_without_parity(made, blobs) -> None:
    (prepared,) = prepare(made("infinite"), blobs)
    reason = subject_reference(prepared.subject, blobs)
    assert reason.startswith("executed here, it gives NaN or infinity itself in output")
    assert prepared.samples[0].inputs[0].shape == (4,)


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    step = note = warn = lambda self, text: self.lines.append(text)


def test_of_several_functions_the_default_one_is_measured_and_named(made, blobs, tmp_path) -> None:
    both = ct.utils.MultiFunctionDescriptor()
    both.add_function(str(made("arrays")), "main", "small")
    both.add_function(str(made("arrays")), "main", "large")
    both.default_function_name = "large"
    ct.utils.save_multifunction(both, str(tmp_path / "both.mlpackage"))
    told = Told()
    (prepared,) = prepare(tmp_path / "both.mlpackage", blobs, progress=told)
    assert (prepared.function, prepared.subject.size, prepared.subject.no_reference) == (None, None, "")
    assert told.lines == [
        "both.mlpackage has the functions large, small: the first, its default one, is measured",
        "Executing both.mlpackage",
    ]


def test_a_pipeline_is_executed_whole(made, blobs, tmp_path) -> None:
    first, second = (ct.models.MLModel(str(made(kind)), skip_model_load=True) for kind in ("arrays", "after"))
    ct.utils.make_pipeline(first, second).save(str(tmp_path / "line.mlpackage"))
    (prepared,) = prepare(tmp_path / "line.mlpackage", blobs)
    reference = references.load(blobs.find(prepared.subject.reference))
    alone = mil.load(made("arrays"), precision="float32")
    for sample, outputs in zip(reference.samples, reference.outputs, strict=True):
        np.testing.assert_allclose(outputs["z"], 2 * alone.predict(sample.arrays)["y"], rtol=1e-6)
    assert prepared.subject.precision == "float16"


@pytest.mark.parametrize(
    ("kind", "chosen", "sizes"),
    [
        ("enumerated", ChosenSizes(), [(32, 32)]),
        ("enumerated", ChosenSizes(every=True), [(32, 32), (48, 64)]),
        ("enumerated_arrays", ChosenSizes(((48, 64),)), [(48, 64)]),
        ("between", ChosenSizes(), [(32, 32)]),
        ("between", ChosenSizes(((16, 96), (40, 40))), [(16, 96), (40, 40)]),
        ("arrays", ChosenSizes(every=True), [None]),
        ("arrays", ChosenSizes(((32, 32),)), [None]),
    ],
)
def test_each_size_is_a_job_with_its_own_pictures_and_reference(made, blobs, kind, chosen, sizes) -> None:
    prepared = prepare(made(kind), blobs, chosen)
    assert [each.subject.size for each in prepared] == sizes
    for each in prepared:
        height, width = each.subject.size or (32, 32)
        (tensor,) = each.samples[0].inputs
        pixels = (height, width, 3)
        assert tensor.shape == (pixels if tensor.kind == "image" else (1, 3, height, width))
        assert (each.subject.resolution, each.subject.sizes) == (height, ((height, width),))
        reference = references.load(blobs.find(each.subject.reference))
        assert reference.samples[0].arrays[tensor.name].shape == tensor.shape


@pytest.mark.parametrize(
    ("kind", "chosen", "takes"),
    [
        ("enumerated", ChosenSizes(((64, 64), (48, 64))), "32x32, 48x64"),
        ("between", ChosenSizes(((32, 128),)), "every size from 16x16 to 64x96"),
        ("between", ChosenSizes(every=True), "every size from 16x16 to 64x96"),
        ("arrays", ChosenSizes(((64, 64),)), "32x32"),
        ("infinite", ChosenSizes(((64, 64),)), "no pictures"),
    ],
)
def test_a_size_that_it_does_not_take_is_answered_with_those_that_it_does(made, blobs, kind, chosen, takes) -> None:
    with pytest.raises(InputError) as refused:
        prepare(made(kind), blobs, chosen)
    assert f"akes {takes}." in refused.value.remedy
    assert refused.value.where == "--sizes"


def test_what_the_app_cannot_measure_is_refused(made, blobs, tmp_path) -> None:
    with pytest.raises(UnsupportedError, match=r"keeps\.mlpackage keeps a state \(kept\)"):
        prepare(made("keeps"), blobs)
    bare = tmp_path / "bare.mlmodel"
    bare.write_bytes((made("arrays") / "Data/com.apple.CoreML/model.mlmodel").read_bytes())
    with pytest.raises(PackageError, match="without the folder around it"):
        prepare(bare, blobs)
    (tmp_path / "compiled.mlmodelc").mkdir()
    with pytest.raises(UnsupportedError, match="is a compiled model"):
        prepare(tmp_path / "compiled.mlmodelc", blobs)
    with pytest.raises(PackageError, match="no such package"):
        prepare(tmp_path / "absent.mlpackage", blobs)


def test_a_link_out_of_the_package_is_not_sent_to_a_phone(made, blobs, tmp_path) -> None:
    import shutil

    copy = Path(shutil.copytree(made("arrays"), tmp_path / "copy.mlpackage"))
    (tmp_path / "private").write_text("secret")
    (copy / "Data" / "notes").symlink_to(tmp_path / "private")
    with pytest.raises(PackageError, match="Data/notes is a link that leads outside the package"):
        prepare(copy, blobs)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("x.mlpackage", True), ("a/b.mlmodel", True), ("fastvit_t8", False), ("nets.py:Tiny", False), (".", True)],
)
def test_what_is_a_package_and_what_a_model(name, answer) -> None:
    assert is_package(name) is answer


def test_bench_takes_a_foreign_package_from_the_command_line(made, tmp_path) -> None:
    store = tmp_path / "results.db"
    arguments = ("--store", store, "--rounds", 2, "--iterations", 3, "--compute-units", "all", "--sizes", "48x64,32")
    with bench_process(tmp_path / "log", made("enumerated"), *arguments) as bench:
        phone = bench.phone()
        model = mil.load(made("enumerated"))
        blobs = Blobs(store.with_suffix(".blobs"))
        for _ in range(2):
            lease = phone.next(wait=15)
            feeds = {s.name: {t.name: array(t, blobs) for t in s.inputs} for s in lease.job.samples}
            report, contents = faithful(lease, phone, {name: model.predict(given) for name, given in feeds.items()})
            for content in contents:
                phone.put_blob(content)
            assert phone.put_report(lease.job.id, report).status == 201
        code, document, told = bench.end()
    assert code == 0, told
    assert [each["size"] for each in document["results"]] == [[48, 64], [32, 32]]
    assert {each["parity_against"] for each in document["results"]} == {"package"}
    for result in document["results"]:
        parity = result["units"][0]["parity"]
        assert [each["passed"] for each in parity] == [True, True]
        assert all(40 < each["psnr_db"] < 100 for each in parity)
        assert result["units"][0]["published"] == []
