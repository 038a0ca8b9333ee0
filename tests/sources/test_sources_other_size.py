"""The same model at another size: its weights, whatever belongs to a size made for it, and which sizes it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.sources.other_size import at_size, picture_size
from mobiledeploy.sources.resolve import resolve

if TYPE_CHECKING:
    from mobiledeploy.sources.source import ModelSource

OWN = """
import torch
from torch import nn


class Net(nn.Module):
    mobiledeploy_inputs = [(1, 3, 32, 32), (1, 4)]

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x, bias):
        return self.conv(x).mean((2, 3)) + bias


class Fixed(nn.Module):
    mobiledeploy_inputs = [(1, 3, 32, 32)]

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3 * 32 * 32, 2)

    def forward(self, x):
        return self.head(x.flatten(1))


class Sequence(nn.Module):
    mobiledeploy_inputs = [(1, 8)]

    def forward(self, x):
        return x.softmax(-1)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def other(identifier: str, size: tuple[int, int], weights: str = "random") -> tuple[ModelSource, ModelSource]:
    base = resolve(identifier, weights=weights)
    return base, at_size(base, size, identifier=identifier, weights=weights, seed=0)


def test_a_users_model_is_the_same_object_with_other_pictures(own) -> None:
    base, found = other(f"{own}:Net", (48, 24), "auto")
    assert found.module is base.module
    assert [spec.shape for spec in found.inputs] == [(1, 3, 48, 24), (1, 4)]
    assert picture_size(found.inputs) == (48, 24)
    assert found.record == base.record


def test_the_models_own_size_is_the_model_itself(own) -> None:
    base, found = other(f"{own}:Net", (32, 32), "auto")
    assert found is base


def test_a_zoo_model_keeps_its_random_statistics_which_were_measured_at_its_own_size() -> None:
    base, found = other("resnet10t", (96, 64))
    measured = resolve("resnet10t", weights="random", resolution=(96, 64))
    assert found.inputs[0].shape == (1, 3, 96, 64)
    assert found.record == base.record
    wanted, got, alone = (m.module.state_dict() for m in (base, found, measured))
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    assert any(not torch.equal(wanted[name], alone[name]) for name in wanted), "else there was nothing to keep"


def test_position_embeddings_belong_to_the_size_and_all_other_weights_do_not() -> None:
    base, found = other("deit_tiny_patch16_224", (160, 160))
    wanted, got = base.module.state_dict(), found.module.state_dict()
    differing = [name for name in wanted if wanted[name].shape != got[name].shape]
    assert differing == ["pos_embed"]
    assert all(torch.equal(wanted[name], got[name]) for name in wanted if name not in differing)


def test_sizes_that_a_model_does_not_take_are_refused(own) -> None:
    refused = {
        f"{own}:Fixed": ("Fixed does not take 48x48: mat1 and mat2 shapes cannot be multiplied", "Leave that size out"),
        f"{own}:Sequence": ("Sequence takes no picture, so it has no sizes", "Leave --flexible out."),
        "deit_tiny_patch16_224": ("deit_tiny_patch16_224 does not take 48x47", "Leave that size out."),
    }
    for identifier, (what, remedy) in refused.items():
        size = (48, 47) if identifier.startswith("deit") else (48, 48)
        with pytest.raises(InputError) as caught:
            other(identifier, size, "random" if identifier.startswith("deit") else "auto")
        assert what in caught.value.what
        assert caught.value.where == "--flexible"
        assert remedy in (caught.value.remedy or "")


def test_a_saved_program_has_one_size(tmp_path) -> None:
    program = torch.export.export(nn.Conv2d(3, 4, 3).eval(), (torch.zeros(1, 3, 32, 32),))
    torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(InputError) as caught:
        other(str(tmp_path / "net.pt2"), (48, 48), "auto")
    assert caught.value.what == "net.pt2 is a program for 1x3x32x32 and no other size"
    assert caught.value.remedy == "Give the module itself, as file.py:factory, or leave --flexible out."
