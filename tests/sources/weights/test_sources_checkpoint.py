"""Files of weights: every kind that is read, and every kind that is refused, with what is said."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mobiledeploy.errors import CheckpointError
from mobiledeploy.sources.weights.checkpoint import read_checkpoint
from mobiledeploy.sources.weights.fitting import load_fitting


class Net(nn.Module):
    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


def saved_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(11)
    return Net().state_dict()


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pth.tar", ".bin", ".ckpt"])
def test_torch_files_of_any_ending_are_read(suffix, tmp_path) -> None:
    path = tmp_path / f"weights{suffix}"
    torch.save(saved_state(), path)
    assert same(read_checkpoint(path), saved_state())


def test_the_format_before_zip_files_is_read(tmp_path) -> None:
    torch.save(saved_state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(read_checkpoint(tmp_path / "old.pth"), saved_state())


@pytest.mark.parametrize("name", ["weights.safetensors", "safetensors_of_another.bin"])
def test_safetensors_are_known_by_what_is_in_them(name, tmp_path) -> None:
    save_file(saved_state(), tmp_path / name)
    assert same(read_checkpoint(tmp_path / name), saved_state())


def test_what_a_training_script_saves_beside_the_weights_is_left_out(tmp_path) -> None:
    numbers = {"best": np.float64(78.3), "loss": np.float32(1.5), "step": np.int64(7), "done": np.bool_(True)}
    document = {"epoch": 3, "state_dict": saved_state(), "args": argparse.Namespace(lr=0.1), **numbers}
    torch.save(document, tmp_path / "train.pth")
    assert same(read_checkpoint(tmp_path / "train.pth"), saved_state())


@pytest.mark.parametrize(
    ("first", "second"),
    [("state_dict_ema", "state_dict"), ("model_ema", "model"), ("state_dict", "model")],
)
def test_averaged_weights_come_first(first, second, tmp_path) -> None:
    zeros = {name: torch.zeros_like(value) for name, value in saved_state().items()}
    torch.save({second: zeros, first: saved_state()}, tmp_path / "both.pth")
    assert same(read_checkpoint(tmp_path / "both.pth"), saved_state())


def test_an_empty_average_is_no_average(tmp_path) -> None:
    torch.save({"state_dict_ema": None, "model_ema": {}, "state_dict": saved_state()}, tmp_path / "none.pth")
    assert same(read_checkpoint(tmp_path / "none.pth"), saved_state())


@pytest.mark.parametrize("protocol", ["zip", "old", "bare pickle"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(protocol, tmp_path) -> None:
    path, trap = tmp_path / "hostile.pth", tmp_path / "pwned"
    document = {"state_dict": saved_state(), "extra": Hostile(str(trap))}
    if protocol == "bare pickle":
        path.write_bytes(pickle.dumps(Hostile(str(trap))))
    else:
        torch.save(document, path, _use_new_zipfile_serialization=protocol == "zip")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert not trap.exists()
    assert caught.value.what == "hostile.pth would run code when it is loaded (posix.mkdir), so it was not loaded"
    assert "safetensors" in (caught.value.remedy or "")


def test_a_pickled_model_is_refused(tmp_path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"would run code .*torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(tmp_path / "model.pth")


def zipped() -> bytes:
    buffer = io.BytesIO()
    torch.save(saved_state(), buffer)
    return buffer.getvalue()


def safe() -> bytes:
    from safetensors.torch import save

    return save(saved_state())


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("readme.txt", "no weights")
    return buffer.getvalue()


def torch_bytes(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


REFUSED = [
    ("empty.pth", b"", r"empty\.pth is empty"),
    ("half.pth", zipped()[: len(zipped()) // 2], r"half\.pth is damaged, or no checkpoint"),
    ("text.pth", b"hello, I am a text\n" * 9, r"text\.pth is damaged, or no checkpoint"),
    ("noise.bin", bytes(range(256)) * 4, r"noise\.bin is damaged, or no checkpoint"),
    ("page.pth", b"<!DOCTYPE html><html>404</html>", r"page\.pth is damaged, or no checkpoint"),
    ("other.pth", archive(), r"other\.pth is damaged, or no checkpoint"),
    ("half.safetensors", safe()[: len(safe()) - 9], r"half\.safetensors is damaged, or no safetensors file"),
    ("short.safetensors", b"\x01", r"short\.safetensors is damaged, or no safetensors file"),
    ("huge.safetensors", b"\xff" * 64, r"huge\.safetensors is damaged, or no safetensors file"),
    ("list.pth", torch_bytes([1, 2]), r"list\.pth holds an object of type list, not a state dict"),
    ("tensor.pth", torch_bytes(torch.zeros(3)), r"tensor\.pth holds an object of type Tensor, not a state dict"),
    ("numbers.pth", torch_bytes({"lr": 0.1, "epoch": 3}), r"numbers\.pth holds no weights; it holds: lr, epoch"),
    ("nothing.pth", torch_bytes({}), r"nothing\.pth holds no weights; it holds: nothing"),
    ("hollow.pth", torch_bytes({"state_dict": {"epoch": 1}}), r"hollow\.pth holds no weights; it holds: epoch"),
]


@pytest.mark.parametrize(("name", "content", "message"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_is_no_checkpoint_is_named(name, content, message, tmp_path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"^{message}") as caught:
        read_checkpoint(tmp_path / name)
    assert caught.value.remedy
    assert "\n" not in caught.value.what
    assert len(caught.value.what) < 260


def test_a_missing_file_and_a_folder_are_named(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=re.escape(f"no file is there: {tmp_path / 'absent.pth'}")):
        read_checkpoint(tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match="is a folder, not a checkpoint"):
        read_checkpoint(tmp_path)


def test_an_unreadable_file_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "locked.pth").write_bytes(zipped())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(CheckpointError, match=r"locked\.pth cannot be read: .*Permission denied"):
        read_checkpoint(tmp_path / "locked.pth")


def test_a_mismatch_names_what_is_missing_unexpected_and_misshaped() -> None:
    state = saved_state()
    del state["conv.bias"]
    state["neck.weight"] = torch.zeros(2)
    state["conv.weight"] = torch.zeros(6, 3, 5, 5)
    with pytest.raises(CheckpointError) as caught:
        load_fitting(Net(), state, "net.pth")
    assert caught.value.what == (
        "net.pth does not fit Net: 1 missing (conv.bias); 1 unexpected (neck.weight); "
        "1 of another shape (conv.weight: [6, 3, 5, 5] in the file, [6, 3, 3, 3] in the model)"
    )


def test_a_long_mismatch_is_counted_and_its_beginning_shown() -> None:
    state = {f"layer{index}.weight": torch.zeros(1) for index in range(40)}
    with pytest.raises(CheckpointError) as caught:
        load_fitting(Net(), state, "net.pth")
    assert "8 missing (conv.weight, conv.bias, norm.weight … 5 more)" in caught.value.what
    assert "40 unexpected (layer0.weight, layer1.weight, layer2.weight … 37 more)" in caught.value.what


def test_a_classifier_of_another_size_is_called_that() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_fitting(Net(), Net(classes=10).state_dict(), "ten.pth")
    assert caught.value.what == "the classifier head (head) of ten.pth has 10 classes, the model has 4"
    assert "num_classes=10" in (caught.value.remedy or "")


def test_the_nearest_reading_is_the_one_reported() -> None:
    """A prefix and one name too few: what is missing is one name, not all of them."""
    state = {f"module.{name}": value for name, value in saved_state().items() if name != "head.bias"}
    with pytest.raises(CheckpointError) as caught:
        load_fitting(Net(), state, "parallel.pth")
    assert caught.value.what == "parallel.pth does not fit Net: 1 missing (head.bias)"


def test_a_model_that_is_called_model_keeps_its_prefix() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = Net()

    torch.manual_seed(1)
    original = Holder()
    loaded = load_fitting(Holder(), original.state_dict(), "holder.pth")
    assert same(loaded.state_dict(), original.state_dict())


def test_half_precision_and_absent_counters_load(tmp_path) -> None:
    state = {n: v.half() for n, v in saved_state().items() if not n.endswith("num_batches_tracked")}
    loaded = load_fitting(Net(), state, "half.pth")
    assert loaded.conv.weight.dtype == torch.float32
    assert torch.equal(loaded.conv.weight, state["conv.weight"].float())


def test_a_model_with_a_method_of_its_own_to_fuse_takes_its_fused_weights() -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)

        def reparameterize(self) -> None:
            self.both = nn.Linear(3, 3, bias=False)
            del self.left, self.right

    module = nn.Sequential(Branch())
    loaded = load_fitting(module, {"0.both.weight": torch.eye(3)}, "fused.pth")
    assert torch.equal(loaded.get_parameter("0.both.weight"), torch.eye(3))
    assert "0.left.weight" in dict(module.named_parameters()), "the model that was given is not touched"
