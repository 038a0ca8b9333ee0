"""The reference: what the original gave, recorded once, the same bytes every time, and never code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobiledeploy.errors import InternalError, OutputError, PackageError, ParityError
from mobiledeploy.parity.reference import Reference, joined, load, record_reference, save, starting_with
from mobiledeploy.parity.samples import Sample, parity_samples
from mobiledeploy.records import InputSpec

INPUTS = (InputSpec("image", (1, 3, 16, 16), kind="image"), InputSpec("x", (2, 5), "int64"))


def small_reference() -> Reference:
    def run(arrays):
        pixels, numbers = arrays
        return pixels.mean(axis=(2, 3)), numbers.sum().reshape(()).astype(np.float32)

    return record_reference(run, INPUTS, ("means", "sum"), parity_samples(INPUTS))


def test_the_original_is_fed_what_the_program_takes():
    seen = []
    samples = parity_samples(INPUTS)
    record_reference(lambda arrays: (seen.append(arrays), (np.zeros(1),))[1], INPUTS, ("y",), samples)
    assert [[(a.shape, a.dtype) for a in arrays] for arrays in seen] == [
        [((1, 3, 16, 16), np.float32), ((2, 5), np.int64)]
    ] * 2
    np.testing.assert_array_equal(seen[1][0][0], np.moveaxis(samples[1].arrays["image"], -1, 0))


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_an_original_that_is_not_finite_is_refused_naming_output_and_sample(value, kind):
    def run(arrays):
        broken = arrays[0].flat[0] == float(parity_samples(INPUTS)[1].arrays["image"].flat[0])
        return np.zeros(3), np.array([1.0, value if broken else 0.0])

    with pytest.raises(ParityError) as caught:
        record_reference(run, INPUTS, ("good", "bad"), parity_samples(INPUTS))
    assert caught.value.what == f"the original model itself gives {kind} in output `bad` on the sample 'natural'"
    assert caught.value.exit_code == 4


def test_a_wrong_number_of_outputs_is_our_bug():
    with pytest.raises(InternalError, match=r"the model gives 1 outputs, 2 are named: \('a', 'b'\)"):
        record_reference(lambda arrays: (np.zeros(1),), INPUTS, ("a", "b"), parity_samples(INPUTS))


def test_what_is_saved_is_what_is_loaded(tmp_path):
    reference = small_reference()
    save(reference, tmp_path / "reference.npz")
    found = load(tmp_path / "reference.npz")
    assert [s.name for s in found.samples] == ["grace_hopper", "natural"]
    for before, after in zip(reference.samples, found.samples, strict=True):
        assert list(after.arrays) == ["image", "x"]
        for name in before.arrays:
            np.testing.assert_array_equal(after.arrays[name], before.arrays[name])
            assert after.arrays[name].dtype == before.arrays[name].dtype
    for before, after in zip(reference.outputs, found.outputs, strict=True):
        assert list(after) == ["means", "sum"]
        assert after["sum"].shape == ()
        for name in before:
            np.testing.assert_array_equal(after[name], before[name])


def test_the_unchanged_originals_of_an_approximated_model_are_kept_beside_it(tmp_path):
    plain = small_reference()
    outputs = tuple({name: value + 1 for name, value in found.items()} for found in plain.outputs)
    save(Reference(plain.samples, outputs, plain.outputs), tmp_path / "reference.npz")
    found = load(tmp_path / "reference.npz")
    for index, original in enumerate(plain.outputs):
        assert list(found.originals[index]) == list(original)
        for name, value in original.items():
            np.testing.assert_array_equal(found.originals[index][name], value)
            np.testing.assert_array_equal(found.outputs[index][name], value + 1)


def test_originals_of_other_outputs_are_refused(tmp_path):
    plain = small_reference()
    fewer = tuple({"means": found["means"]} for found in plain.outputs)
    save(Reference(plain.samples, plain.outputs, fewer), tmp_path / "reference.npz")
    with pytest.raises(PackageError, match="its originals are not of the same outputs"):
        load(tmp_path / "reference.npz")


def test_numpy_reads_it_under_the_documented_keys(tmp_path):
    save(small_reference(), tmp_path / "reference.npz")
    with np.load(tmp_path / "reference.npz", allow_pickle=False) as archive:
        assert archive.files == [
            f"{side}/{sample}/{name}"
            for sample in ("grace_hopper", "natural")
            for side, name in (("inputs", "image"), ("inputs", "x"), ("outputs", "means"), ("outputs", "sum"))
        ]
        assert archive["outputs/natural/means"].shape == (1, 3)


def test_names_may_hold_blanks_slashes_and_accents(tmp_path):
    samples = (Sample("ein Bild & größer.jpg", {"x": np.zeros(2)}),)
    save(Reference(samples, ({"head/logits.npy": np.ones(3)},)), tmp_path / "r.npz")
    found = load(tmp_path / "r.npz")
    assert found.samples[0].name == "ein Bild & größer.jpg"
    assert list(found.outputs[0]) == ["head/logits.npy"]


def test_the_samples_of_several_sizes_are_kept_in_one_file_and_told_apart(tmp_path):
    parts = [
        Reference((Sample(f"{size}/natural", {"x": np.zeros(n)}),), ({"y": np.full(n, 2.0)},), ({"y": np.ones(n)},))
        for size, n in (("16x16", 2), ("160x160", 3))
    ]
    save(joined(parts), tmp_path / "r.npz")
    found = load(tmp_path / "r.npz")
    assert [sample.name for sample in found.samples] == ["16x16/natural", "160x160/natural"]
    part = starting_with(found, "16x16/")
    assert [sample.name for sample in part.samples] == ["16x16/natural"]
    assert part.outputs[0]["y"].tolist() == [2.0, 2.0]
    assert part.originals[0]["y"].tolist() == [1.0, 1.0]
    assert starting_with(found, "32x32/").samples == ()


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6, dtype=">i4"), np.float16(3), np.zeros((0, 2))],
)
def test_any_layout_is_stored_alike(tmp_path, array):
    save(Reference((Sample("s", {"x": array}),), ({"y": array},)), tmp_path / "r.npz")
    found = load(tmp_path / "r.npz").outputs[0]["y"]
    np.testing.assert_array_equal(found, array)
    assert found.flags.c_contiguous
    assert found.flags.writeable


SAVE = """
import sys, numpy as np
from pathlib import Path
from mobiledeploy.parity.reference import record_reference, save
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.records import InputSpec
inputs = (InputSpec("image", (1, 3, 16, 16), kind="image"),)
reference = record_reference(lambda a: (a[0].mean((2, 3)), a[0].max()), inputs, ("b", "a"), parity_samples(inputs))
save(reference, Path(sys.argv[1]))
"""


def test_the_same_bytes_at_any_time_under_any_hash_seed(tmp_path):
    contents = set()
    for seed in ("0", "1"):
        path = tmp_path / f"{seed}.npz"
        subprocess.check_call([sys.executable, "-c", SAVE, str(path)], env={**os.environ, "PYTHONHASHSEED": seed})
        contents.add(path.read_bytes())
    assert len(contents) == 1
    with zipfile.ZipFile(path) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {(member.create_system, member.compress_type) for member in archive.infolist()} == {(3, 0)}


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write r\.npz: No such file or directory"):
        save(small_reference(), tmp_path / "gone" / "r.npz")


def archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def array_bytes(array: np.ndarray, pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickle)
    return buffer.getvalue()


ZERO = array_bytes(np.zeros(2))
HUGE = ZERO.replace(b"(2,)", b"(99999999999,)").replace(b" " * 10, b"", 1)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "r.npz is damaged: File is not a zip file"),
        (b"PK\x03\x04 nothing", "r.npz is damaged: File is not a zip file"),
        (archive(), "r.npz is no reference of ours: it holds no sample"),
        (archive(("readme.txt", b"hello")), "r.npz is damaged: readme.txt is not an array stored by mobiledeploy"),
        (archive(("a.npy", b"hello, this is no array")), "r.npz is damaged: the magic string is not correct"),
        (archive(("a.npy", ZERO)), "r.npz is no reference of ours: its array 'a' is neither an input nor an output"),
        (
            archive(("inputs/s/x.npy", ZERO), compression=zipfile.ZIP_DEFLATED),
            "r.npz is damaged: inputs/s/x.npy is not an array stored by mobiledeploy",
        ),
        (archive(("inputs/s/x.npy", ZERO[:-1])), "r.npz is damaged: inputs/s/x.npy does not hold what its header says"),
        (archive(("inputs/s/x.npy", HUGE)), "r.npz is damaged: inputs/s/x.npy does not hold what its header says"),
        (
            archive(("inputs/s/x.npy", array_bytes(np.array([{}], object), pickle=True))),
            "r.npz is damaged: inputs/s/x.npy does not hold what its header says",
        ),
        (
            archive(("inputs/s/x.npy", ZERO)),
            "r.npz is no reference of ours: its samples do not all have the same outputs",
        ),
        (
            archive(*((f"{side}.npy", ZERO) for side in ("inputs/s/x", "outputs/s/y", "inputs/t/x", "outputs/t/z"))),
            "r.npz is no reference of ours: its samples do not all have the same outputs",
        ),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path, content, what):
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(PackageError) as caught:
        load(tmp_path / "r.npz")
    assert caught.value.what.startswith(what)
    assert caught.value.where == str(tmp_path / "r.npz")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PackageError, match=r"cannot read r\.npz: No such file or directory"):
        load(tmp_path / "r.npz")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "r.npz"
    samples = (Sample("s", {"x": np.arange(3.0)}), Sample("t", {"x": np.arange(3.0)}))
    save(Reference(samples, ({"y": np.ones(2)}, {"y": np.ones(2)})), path)
    return path, path.read_bytes(), load(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_or_missing_bytes_are_noticed_or_harmless(saved, data):
    path, whole, original = saved
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        content = whole[:place]
    else:
        content = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    damaged = path.with_name("damaged.npz")
    damaged.write_bytes(content)
    try:
        found = load(damaged)
    except PackageError:
        return
    for before, after in zip(original.outputs, found.outputs, strict=False):
        for array, other in zip(before.values(), after.values(), strict=False):
            np.testing.assert_array_equal(array, other)
