"""What a parity check feeds: photographs, a natural picture, the user's own, in the form each input wants."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobiledeploy.errors import ImageError, UnsupportedError
from mobiledeploy.parity.natural import natural_picture
from mobiledeploy.parity.photographs import installed_photograph
from mobiledeploy.parity.samples import Sample, parity_samples
from mobiledeploy.records import InputSpec, Preprocessing

IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), interpolation="bicubic", crop=0.9)


def image(shape=(1, 3, 64, 64), preprocessing=IMAGENET, name="image"):
    return InputSpec(name, shape, kind="image", preprocessing=preprocessing)


def tensor(shape, dtype="float32", preprocessing=None, name="x"):
    return InputSpec(name, shape, dtype, "tensor", preprocessing)


def only(samples: tuple[Sample, ...], sample: str, name: str) -> np.ndarray:
    (found,) = [s for s in samples if s.name == sample]
    return found.arrays[name]


def test_the_photograph_and_the_natural_picture_come_first_in_that_order():
    samples = parity_samples((image(),))
    assert [s.name for s in samples] == ["grace_hopper", "natural"]
    for sample in samples:
        assert sample.arrays["image"].shape == (64, 64, 3)
        assert sample.arrays["image"].dtype == np.uint8


def test_matplotlib_is_found_without_being_imported():
    code = "import sys, mobiledeploy.parity.samples as s; s.installed_photograph(); print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(("size", "crop"), [(256, 0.9), (224, 0.875), (224, 0.95), (384, 1.0), (97, 0.9)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_square_crop_is_timms_evaluation_crop_to_the_pixel(size, crop, interpolation):
    from timm.data.transforms_factory import transforms_imagenet_eval

    transform = transforms_imagenet_eval(size, crop_pct=crop, interpolation=interpolation, use_prefetcher=True)
    preprocessing = Preprocessing(IMAGENET.mean, IMAGENET.std, interpolation=interpolation, crop=crop)
    with Image.open(installed_photograph()) as photograph:
        expected = np.moveaxis(np.asarray(transform(photograph)), 0, -1)
    found = only(parity_samples((image((1, 3, size, size), preprocessing),)), "grace_hopper", "image")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1, 3, 48, 96), (1, 3, 96, 48), (1, 3, 1, 7), (1, 3, 700, 20)])
def test_other_shapes_are_covered_without_distortion_or_border(shape):
    found = only(parity_samples((image(shape),)), "grace_hopper", "image")
    assert found.shape == (*shape[2:], 3)


def test_a_grayscale_image_is_brightness():
    gray = Preprocessing((0.5,), (0.5,), color="GRAYSCALE")
    colour = only(parity_samples((image(preprocessing=Preprocessing((0.5,) * 3, (0.5,) * 3)),)), "natural", "image")
    found = only(parity_samples((image((1, 1, 64, 64), gray),)), "natural", "image")
    assert found.shape == (64, 64)
    np.testing.assert_allclose(found, colour @ [0.299, 0.587, 0.114], atol=1.0)


@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_a_tensor_with_known_preprocessing_is_the_normalized_picture(color):
    preprocessing = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7), color)
    pixels = only(parity_samples((image(preprocessing=preprocessing),)), "grace_hopper", "image").astype(np.float64)
    ordered = pixels[:, :, ::-1] if color == "BGR" else pixels
    expected = np.moveaxis((ordered / 255 - preprocessing.mean) / preprocessing.std, -1, 0)[None]
    found = only(parity_samples((tensor((1, 3, 64, 64), preprocessing=preprocessing),)), "grace_hopper", "x")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_a_tensor_without_preprocessing_is_a_picture_in_minus_one_to_one():
    pixels = only(parity_samples((image(preprocessing=None),)), "natural", "image").astype(np.float64)
    found = only(parity_samples((tensor((1, 3, 64, 64)),)), "natural", "x")
    np.testing.assert_array_equal(found[0], np.moveaxis((pixels / 255 - 0.5) / 0.5, -1, 0).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 12])
def test_no_two_channels_are_alike_whatever_their_number(channels):
    found = only(parity_samples((tensor((1, channels, 32, 32)),)), "grace_hopper", "x")
    assert found.shape == (1, channels, 32, 32)
    assert len({plane.tobytes() for plane in found[0]}) == channels


def test_batch_entries_and_inputs_see_different_pictures():
    samples = parity_samples((tensor((4, 3, 32, 32), name="a"), tensor((4, 3, 32, 32), name="b")))
    for sample in samples:
        entries = [entry.tobytes() for array in sample.arrays.values() for entry in array]
        assert len(set(entries)) == 8


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_other_floating_shapes_get_seeded_normal_numbers(dtype):
    first, second = (
        only(parity_samples((tensor((3, 4000), dtype),)), name, "x") for name in ("grace_hopper", "natural")
    )
    assert first.dtype == dtype
    assert first.shape == (3, 4000)
    assert abs(first.mean()) < 0.05
    assert abs(first.std() - 1) < 0.05
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("dtype", "values"), [("int64", {0, 1, 2, 3}), ("int32", {0, 1, 2, 3}), ("bool", {0, 1})])
def test_integers_are_small_so_that_they_index_anything(dtype, values):
    found = only(parity_samples((tensor((1, 3, 16, 16), dtype),)), "natural", "x")
    assert found.dtype == dtype
    assert found.shape == (1, 3, 16, 16)
    assert set(np.unique(found).tolist()) == values


def test_numbers_do_not_depend_on_which_other_pictures_there_are(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    alone, more = parity_samples((tensor((5,)),)), parity_samples((tensor((5,)),), images=tmp_path)
    np.testing.assert_array_equal(only(alone, "natural", "x"), only(more, "natural", "x"))


def test_a_natural_picture_falls_as_one_over_f_and_its_colours_go_together():
    pixels = natural_picture(256, 256, seed=0).astype(np.float64)
    assert 90 < pixels.mean() < 150
    assert pixels.std() > 40
    assert np.corrcoef(pixels.reshape(-1, 3).T)[0, 2] > 0.6
    gray = pixels.mean(axis=2)
    amplitude = np.abs(np.fft.fft2(gray - gray.mean()))
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    band = (frequency > 0.02) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[band]), np.log(amplitude[band]), 1)[0]
    assert -1.15 < slope < -0.85


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 1), (3, 2), (31, 17)])
def test_a_natural_picture_of_any_size(size):
    assert natural_picture(*size, seed=0).shape == (*size, 3)


def test_another_seed_is_another_natural_picture_and_the_same_photograph():
    first, second = parity_samples((image(),), seed=0), parity_samples((image(),), seed=1)
    assert not np.array_equal(only(first, "natural", "image"), only(second, "natural", "image"))
    np.testing.assert_array_equal(only(first, "grace_hopper", "image"), only(second, "grace_hopper", "image"))


HASHES = """
import hashlib, numpy as np
from mobiledeploy.parity.samples import parity_samples
from mobiledeploy.records import InputSpec, Preprocessing
inputs = (InputSpec("i", (1, 3, 96, 96), "float32", "image", Preprocessing((.5,) * 3, (.5,) * 3, crop=0.9)),
          InputSpec("x", (2, 5, 33, 20)), InputSpec("y", (7,)), InputSpec("z", (7,), "int64"))
digest = hashlib.sha256()
for sample in parity_samples(inputs):
    for name, array in sample.arrays.items():
        digest.update(f"{sample.name} {name} {array.dtype} {array.shape}".encode() + array.tobytes())
print(digest.hexdigest())
"""


def test_the_same_bytes_under_any_hash_seed():
    digests = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", HASHES], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout)
    assert len(digests) == 1


def test_one_input_of_256_pixels_takes_less_than_150_ms():
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        parity_samples((image((1, 3, 256, 256)),))
        durations.append(time.perf_counter() - start)
    assert min(durations) < 0.15


def test_every_picture_of_the_folder_follows_sorted_by_name(tmp_path):
    for name, mode in [("b.png", "RGBA"), ("a.jpg", "L"), ("C.BMP", "RGB"), ("d.png", "P"), ("e.jpeg", "CMYK")]:
        Image.new(mode, (40, 30), 1).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"no picture either")
    (tmp_path / "folder.png").mkdir()
    samples = parity_samples((image(),), images=tmp_path)
    assert [s.name for s in samples] == ["grace_hopper", "natural", "C.BMP", "a.jpg", "b.png", "d.png", "e.jpeg"]
    assert {s.arrays["image"].shape for s in samples} == {(64, 64, 3)}


def test_a_file_name_that_is_no_text_is_escaped(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.png"))
    assert parity_samples((image(),), images=tmp_path)[2].name == "\\udcff\\x1b.png"


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path):
    picture = Image.new("P", (10, 10), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.save(tmp_path / "p.png", transparency=b"\x00\xff")
    found = only(parity_samples((image((1, 3, 10, 10), None),), images=tmp_path), "p.png", "image")
    np.testing.assert_array_equal(found, np.broadcast_to(np.uint8([200, 100, 50]), (10, 10, 3)))


def test_scikit_learns_photographs_pass_through_the_same_way():
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "images"
    names = [s.name for s in parity_samples((image(),), images=folder)]
    assert names == ["grace_hopper", "natural", "china.jpg", "flower.jpg"]


def broken_jpeg(folder: Path) -> Path:
    Image.fromarray(natural_picture(64, 64, seed=0)).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def text_png(folder: Path) -> Path:
    (folder / "text.png").write_text("not a picture")
    return folder


def bomb(folder: Path) -> Path:
    header = b"P6 20000 20000 255\n"
    (folder / "bomb.ppm").write_bytes(header + bytes(10))
    return folder


def file_instead(folder: Path) -> Path:
    (folder / "a.png").write_bytes(b"")
    return folder / "a.png"


@pytest.mark.parametrize(
    ("make", "what", "where"),
    [
        (lambda folder: folder / "gone", "the folder of pictures does not exist", "gone"),
        (file_instead, "expected a folder of pictures", "a.png"),
        (lambda folder: folder, "no picture in the folder", ""),
        (text_png, "cannot read the picture: cannot identify image file 'text.png'", "text.png"),
        (broken_jpeg, "cannot read the picture: image file is truncated", "cut.jpg"),
        (bomb, "cannot read the picture: Image size (400000000 pixels) exceeds limit", "bomb.ppm"),
    ],
)
def test_a_folder_that_cannot_serve_is_refused_naming_the_file(tmp_path, make, what, where):
    folder = make(tmp_path)
    with pytest.raises(ImageError) as caught:
        parity_samples((image(),), images=folder)
    assert caught.value.what.startswith(what)
    assert caught.value.where == str(tmp_path / where)
    assert caught.value.remedy


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ImageError, match="cannot list the folder: Permission denied"):
        parity_samples((image(),), images=tmp_path)


def test_without_matplotlibs_photograph_the_remedy_is_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"carries the photograph .* pip install --force-reinstall matplotlib"):
        parity_samples((image(),))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (tensor((2,), "complex64"), "input `x` has dtype complex64, which a parity check cannot feed"),
        (tensor((2,), "bfloat16"), "input `x` has dtype bfloat16, which a parity check cannot feed"),
        (image((1, 4, 8, 8), None), "input `image` of shape (1, 4, 8, 8) cannot be a RGB image"),
        (image((1, 3, 8, 8), Preprocessing((0.5,), (0.5,), "GRAYSCALE")), "cannot be a GRAYSCALE image"),
        (
            image((1, 3, 8, 8), Preprocessing((0.5,), (0.5,), interpolation="magic")),
            "interpolation 'magic' is not known",
        ),
    ],
)
def test_an_input_that_cannot_be_fed_is_named(spec, message):
    with pytest.raises(UnsupportedError) as caught:
        parity_samples((spec,))
    assert message in caught.value.what
