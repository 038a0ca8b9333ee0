"""What an input is given: pictures brought to its size, arrays of files, seeded numbers; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mobiledeploy.errors import ImageError, InputError
from mobiledeploy.mil import Feature
from mobiledeploy.pipeline import GivenInputs
from mobiledeploy.pipeline.given_inputs import feeds
from mobiledeploy.pipeline.runnable import RunInput
from mobiledeploy.records import InputSpec, Preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)


def image(name="x", shape=(6, 8, 3), color="RGB", **fields) -> RunInput:
    return RunInput(Feature(name, "image", shape, "uint8", color, **fields))


def array(name="x", shape=(2, 3), dtype="float32", **fields) -> RunInput:
    return RunInput(Feature(name, "multiarray", shape, dtype, **fields))


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("a.png")
    np.save("two.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    np.savez("all.npz", x=np.ones((2, 3)), y=np.zeros(4))
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    return tmp_path


def test_a_picture_is_resized_and_its_centre_taken(files) -> None:
    (found,) = feeds((image(shape=(6, 6, 3)),), GivenInputs(images=((None, files / "a.png"),))).values()
    resized = np.asarray(Image.fromarray(PIXELS).resize((8, 6), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(np.asarray(found), resized[:, 1:7])


SIZES = [
    ({}, (6, 8)),
    ({"enumerated": ((6, 8, 3), (12, 16, 3))}, (12, 16)),
    ({"enumerated": ((6, 8, 3), (3, 4, 3))}, (6, 8)),
    ({"ranges": ((4, 20), (4, None), (3, 3))}, (12, 16)),
    ({"ranges": ((4, 11), (4, None), (3, 3))}, (6, 8)),
    ({"shape": (0, 0, 3), "ranges": ((4, 11), (5, None), (3, 3))}, (4, 5)),
]


@pytest.mark.parametrize(("fields", "size"), SIZES)
def test_an_input_of_several_sizes_takes_the_pictures_own_where_it_may(files, fields, size) -> None:
    (found,) = feeds((image(**fields),), GivenInputs(images=((None, files / "a.png"),))).values()
    assert (found.height, found.width) == size
    if size == (12, 16):
        np.testing.assert_array_equal(np.asarray(found), PIXELS)


@pytest.mark.parametrize(("color", "mode"), [("BGR", "RGB"), ("GRAYSCALE", "L"), ("GRAYSCALE_FLOAT16", "F")])
def test_a_picture_has_the_mode_that_the_input_takes(files, color, mode) -> None:
    shape = (12, 16, 3) if mode == "RGB" else (12, 16)
    (found,) = feeds((image(shape=shape, color=color),), GivenInputs(images=((None, files / "a.png"),))).values()
    assert found.mode == mode
    expected = PIXELS if mode == "RGB" else np.asarray(Image.fromarray(PIXELS).convert("L"))
    np.testing.assert_array_equal(np.asarray(found), expected)


def test_a_tensor_gets_the_picture_as_its_export_normalizes_it(files) -> None:
    known = Preprocessing(mean=(0.5, 0.25, 0.0), std=(0.5, 1.0, 2.0))
    shape = (2, 3, 12, 16)
    entry = RunInput(Feature("x", "multiarray", shape, "float32"), InputSpec("x", shape, preprocessing=known))
    (found,) = feeds((entry,), GivenInputs(images=((None, files / "a.png"),))).values()
    expected = (PIXELS.transpose(2, 0, 1) / 255 - np.reshape(known.mean, (3, 1, 1))) / np.reshape(known.std, (3, 1, 1))
    np.testing.assert_allclose(found, np.stack([expected, expected]), atol=1e-6)


def test_a_foreign_tensor_gets_pixels_from_minus_one_to_one_and_says_so(files) -> None:
    notes = []

    class Notes:
        note = staticmethod(notes.append)

    entry = array(shape=(1, 3, 12, 16), dtype="float16")
    (found,) = feeds((entry,), GivenInputs(images=((None, files / "a.png"),)), Notes()).values()
    assert found.dtype == np.float16
    np.testing.assert_allclose(found[0], PIXELS.transpose(2, 0, 1) / 127.5 - 1, atol=1e-3)
    assert notes == ["Nobody knows how x is normalized: its pixels are scaled to -1..1."]


def test_pictures_and_arrays_find_their_inputs(files) -> None:
    inputs = (image("left"), image("right"), array("x"), array("y", (4,)))
    given = GivenInputs(images=(("left", files / "a.png"), (None, files / "a.png")), archive=files / "all.npz")
    found = feeds(inputs, given)
    assert found["right"].size == (8, 6)
    np.testing.assert_array_equal(found["left"], found["right"])
    np.testing.assert_array_equal(found["x"], np.ones((2, 3)))
    np.testing.assert_array_equal(found["y"], np.zeros(4))


def test_an_image_is_preferred_to_a_tensor_that_could_take_the_picture(files) -> None:
    inputs = (array("features", (1, 3, 6, 8)), image("photo"))
    given = GivenInputs(images=((None, files / "a.png"),), random=True)
    assert isinstance(feeds(inputs, given)["photo"], Image.Image)


def test_random_numbers_are_those_of_the_seed_and_differ_between_inputs() -> None:
    inputs = (array("a"), array("b"), array("i", (50,), "int32"), image("p"), image("g", (6, 8), "GRAYSCALE"))
    first, again = (feeds(inputs, GivenInputs(random=True, seed=3)) for _ in range(2))
    other = feeds(inputs, GivenInputs(random=True, seed=4))
    for name in first:
        np.testing.assert_array_equal(np.asarray(first[name]), np.asarray(again[name]))
        assert not np.array_equal(np.asarray(first[name]), np.asarray(other[name]))
    assert not np.array_equal(first["a"], first["b"])
    assert (first["a"].dtype, first["i"].dtype) == (np.float32, np.int32)
    assert set(first["i"].tolist()) == {0, 1, 2, 3}
    assert (first["p"].mode, first["g"].mode, first["p"].size) == ("RGB", "L", (8, 6))


def test_an_optional_input_is_left_to_its_default() -> None:
    inputs = (array("a"), array("b", optional=True, default=1.0))
    assert list(feeds(inputs, GivenInputs(random=True))) == ["a"]


def test_numbers_of_pipelines_are_numbers() -> None:
    inputs = (RunInput(Feature("iou", "double")), RunInput(Feature("count", "int64")))
    found = feeds(inputs, GivenInputs(random=True))
    assert 0 <= found["iou"] < 1
    assert found["count"] in range(4)


TWO = (array("x"), image("photo"))
WRONG = [
    (TWO, {}, InputError, "inputs are not given: x (float32 2x3), photo (image 6x8x3)"),
    (TWO, {"images": ((None, "a.png"),)}, InputError, "inputs are not given: x (float32 2x3)"),
    (TWO, {"arrays": (("z", "two.npy"),)}, InputError, "the model has no input `z`"),
    (TWO, {"archive": "all.npz"}, InputError, "the model has no input `y`"),
    (TWO, {"arrays": (("x", "two.npy"), ("x", "two.npy"))}, InputError, "input `x` is given twice"),
    (TWO, {"images": (("z", "a.png"),)}, InputError, "the model has no input `z`"),
    (TWO, {"images": (("x", "a.png"),)}, InputError, "input `x` takes no picture"),
    (TWO, {"images": ((None, "a.png"), (None, "a.png"))}, InputError, "no input waits for the picture a.png"),
    (TWO, {"images": ((None, "absent.png"),)}, ImageError, "cannot read the picture: No such file or directory"),
    (
        (image("left"), image("right")),
        {"images": ((None, "a.png"),)},
        InputError,
        "a.png could be for each of left, right",
    ),
    ((array(),), {"arrays": (("x", "absent.npy"),)}, InputError, "cannot read absent.npy: No such file or directory"),
    ((array(),), {"arrays": (("x", "text.npy"),)}, InputError, "text.npy is no file of numbers by NumPy"),
    ((array(),), {"arrays": (("x", "objects.npy"),)}, InputError, "objects.npy is no file of numbers by NumPy"),
    ((array(),), {"arrays": (("x", "all.npz"),)}, InputError, "all.npz holds several arrays"),
    ((array(),), {"archive": "two.npy"}, InputError, "two.npy holds one array, without a name"),
    (
        (RunInput(Feature("words", "sequence")),),
        {"random": True},
        InputError,
        "no random numbers can be made for words (sequence): it declares no shape",
    ),
]


@pytest.mark.parametrize(("inputs", "given", "error", "message"), WRONG, ids=[row[3] for row in WRONG])
def test_what_cannot_be_given_is_named(files, inputs, given, error, message) -> None:
    def path(value):
        return files / value

    options = dict(given)
    for key in ("images", "arrays"):
        options[key] = tuple((name, path(file)) for name, file in given.get(key, ()))
    if "archive" in given:
        options["archive"] = path(given["archive"])
    with pytest.raises(error) as caught:
        feeds(inputs, GivenInputs(**options))
    assert caught.value.what == message
    assert caught.value.remedy
