"""Programs saved by torch.export: what they take comes from themselves, and a bad file is named."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.records import InputSpec
from mobiledeploy.sources import resolve


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return self.drop(self.norm(self.conv(photo)))


def save(path: Path, module: nn.Module, *examples: torch.Tensor, **options: object) -> Path:
    torch.export.save(torch.export.export(module, examples, **options), path)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save(tmp_path / "a net.pt2", Net().eval(), torch.zeros(1, 3, 20, 24))


def test_inputs_and_weights_are_the_programs_own(saved) -> None:
    source = resolve(str(saved))
    assert source.inputs == (InputSpec("photo", (1, 3, 20, 24)),)
    record = source.record
    assert (record.kind, record.identifier, record.name) == ("pt2", "a net.pt2", "a_net")
    assert (record.weights.kind, record.parameters) == ("own", 8 * 27 + 8 + 16)
    torch.manual_seed(0)
    original = Net().eval()
    picture = torch.rand(1, 3, 20, 24)
    assert torch.equal(source.module(picture), original(picture))


def test_it_can_be_exported_again(saved) -> None:
    source = resolve(str(saved))
    assert not source.module.training
    source.module.eval()
    again = torch.export.export(source.module, (torch.zeros(1, 3, 20, 24),), strict=False)
    picture = torch.rand(1, 3, 20, 24)
    assert torch.equal(again.module()(picture), source.module(picture))


def test_a_dynamic_size_is_the_examples(tmp_path) -> None:
    dynamic = ({0: torch.export.Dim("batch", min=1, max=8)},)
    path = save(tmp_path / "dynamic.pt2", Net().eval(), torch.zeros(2, 3, 20, 24), dynamic_shapes=dynamic)
    assert resolve(str(path)).inputs == (InputSpec("photo", (2, 3, 20, 24)),)


def test_inputs_of_several_types_keep_theirs(tmp_path) -> None:
    class Two(nn.Module):
        def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
            return ids * scale

    path = save(tmp_path / "two.pt2", Two().eval(), torch.zeros(1, 4, dtype=torch.int32), torch.zeros(1))
    assert resolve(str(path)).inputs == (InputSpec("ids", (1, 4), dtype="int32"), InputSpec("scale", (1,)))


def test_random_reseeds_and_pretrained_is_refused(saved) -> None:
    source = resolve(str(saved), weights="random", seed=2)
    assert (source.record.weights.kind, source.record.weights.seed) == ("random", 2)
    assert source.record.weights.sha256 != resolve(str(saved)).record.weights.sha256
    assert bool(torch.isfinite(source.module(torch.zeros(1, 3, 20, 24))).all())
    with pytest.raises(InputError, match=r"^a net\.pt2 brings its own weights"):
        resolve(str(saved), weights="pretrained")


def test_its_own_resolution_is_fine_and_another_is_refused(saved) -> None:
    assert resolve(str(saved), resolution=(20, 24)).inputs[0].shape == (1, 3, 20, 24)
    with pytest.raises(InputError) as caught:
        resolve(str(saved), resolution=(24, 24))
    assert caught.value.what == "a net.pt2 does not take 24x24; it was exported for 1x3x20x24"


def test_a_program_in_training_mode_is_refused(tmp_path) -> None:
    path = save(tmp_path / "train.pt2", Net().train(), torch.zeros(1, 3, 20, 24))
    with pytest.raises(InputError, match=r"^train\.pt2 was exported in training mode: its aten\.batch_norm") as caught:
        resolve(str(path))
    assert "eval()" in (caught.value.remedy or "")


def test_a_program_that_takes_more_than_tensors_is_refused(tmp_path) -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, factor: int) -> torch.Tensor:
            return x * factor

    torch.export.save(torch.export.export(Scaled(), (torch.zeros(2), 3)), tmp_path / "scaled.pt2")
    with pytest.raises(InputError, match=r"^scaled\.pt2 takes an input that is no tensor"):
        resolve(str(tmp_path / "scaled.pt2"))


@pytest.mark.parametrize("content", [b"", b"no program", b"PK\x03\x04 torn"], ids=["empty", "text", "torn"])
def test_a_file_that_is_no_program_is_named(content, tmp_path, capfd) -> None:
    (tmp_path / "bad.pt2").write_bytes(content)
    with pytest.raises(InputError, match=r"^bad\.pt2 is no program that torch can load: ") as caught:
        resolve(str(tmp_path / "bad.pt2"))
    assert "\n" not in caught.value.what
    assert capfd.readouterr().err == "", "torch logs a traceback of its own"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"^no file is there: absent\.pt2"):
        resolve("absent.pt2")


class Hostile:
    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


def test_a_program_cannot_run_code_when_it_is_loaded(saved, tmp_path) -> None:
    """Every pickle inside the archive is replaced by one that makes a folder."""
    trap, changed = tmp_path / "pwned", tmp_path / "hostile.pt2"
    poison = io.BytesIO()
    torch.save(Hostile(str(trap)), poison)
    replaced = 0
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if data[:2] == b"PK" or name.endswith(".pt"):
                data, replaced = poison.getvalue(), replaced + 1
            target.writestr(name, data)
    assert replaced
    with pytest.raises(InputError, match=r"^hostile\.pt2 is no program"):
        resolve(str(changed))
    assert not trap.exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
