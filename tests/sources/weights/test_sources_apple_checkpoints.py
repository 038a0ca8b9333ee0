"""Apple's own checkpoints of FastViT and MobileOne, fused and not, load into timm's models."""

from __future__ import annotations

import apple_names
import pytest
import torch
from timm import create_model
from timm.models import reparameterize_model
from torch import nn

from mobiledeploy.sources import resolve
from mobiledeploy.sources.weights.calibration import seeded_pictures

MOBILEONE_S0 = (48, 48, 128, 256, 1024)
MOBILEONE_S4 = (64, 192, 448, 896, 2048)

CASES = [
    ("fastvit_t8", lambda fused: apple_names.fastvit((2, 2, 4, 2), attention=False, fused=fused)),
    ("fastvit_sa12", lambda fused: apple_names.fastvit((2, 2, 6, 2), attention=True, fused=fused)),
    ("mobileone_s0", lambda fused: apple_names.mobileone(MOBILEONE_S0, 4, (0, 0, 0, 0), fused=fused)),
    # squeeze-and-excite in half of its third stage and in its fourth
    ("mobileone_s4", lambda fused: apple_names.mobileone(MOBILEONE_S4, 1, (0, 0, 5, 1), fused=fused)),
]

WRAPPERS = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 300},
    "model": lambda state: {"model": state, "optimizer": {"state": {}}, "args": None},
    "ema beside the raw weights": lambda state: {
        "state_dict": {name: torch.zeros_like(value) for name, value in state.items()},
        "state_dict_ema": state,
    },
    "module. prefix": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    "compiled and parallel": lambda state: {f"_orig_mod.module.{name}": value for name, value in state.items()},
    "averaged": lambda state: {
        "model_ema": {"n_averaged": torch.tensor(7)} | {f"module.{n}": v for n, v in state.items()}
    },
}


def trained(name: str) -> nn.Module:
    """A model with weights of its own, in training form: what a checkpoint would have been saved from."""
    return resolve(name, weights="random", seed=5).module


def shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in module.state_dict().items()}


@pytest.mark.parametrize("fused", [False, True], ids=["unfused", "fused"])
@pytest.mark.parametrize(("name", "pairs"), CASES, ids=[name for name, _ in CASES])
def test_the_names_written_down_here_are_all_that_timm_has(name, pairs, fused) -> None:
    module = create_model(name).eval()
    expected = shapes(reparameterize_model(module) if fused else module)
    written = [timm_name for _, timm_name in pairs(fused)]
    assert sorted(written) == sorted(expected)
    apple = [apple_name for apple_name, _ in pairs(fused)]
    assert len(set(apple)) == len(apple)


@pytest.mark.parametrize("fused", [False, True], ids=["unfused", "fused"])
@pytest.mark.parametrize(("name", "pairs"), CASES, ids=[name for name, _ in CASES])
def test_apple_names_give_the_same_function(name, pairs, fused, tmp_path) -> None:
    original = trained(name)
    source = reparameterize_model(original).eval() if fused else original
    state = source.state_dict()
    torch.save({"state_dict": {apple: state[timm] for apple, timm in pairs(fused)}}, tmp_path / "apple.pth.tar")
    loaded = resolve(name, weights=str(tmp_path / "apple.pth.tar"))
    picture = torch.from_numpy(seeded_pictures(3, loaded.inputs[0].shape))
    with torch.no_grad():
        torch.testing.assert_close(loaded.module(picture), source(picture), rtol=0, atol=0)
    assert loaded.record.weights.kind == "file"
    assert loaded.record.weights.origin == "apple.pth.tar"
    assert loaded.record.parameters == sum(p.numel() for p in original.parameters()), "of the training form"


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapping_of_a_checkpoint_is_undone(wrapper, tmp_path) -> None:
    state = trained("fastvit_t8").state_dict()
    apple = {apple: state[timm] for apple, timm in CASES[0][1](False)}
    torch.save(WRAPPERS[wrapper](apple), tmp_path / "wrapped.pth")
    loaded = resolve("fastvit_t8", weights=str(tmp_path / "wrapped.pth"))
    assert all(torch.equal(value, state[name]) for name, value in loaded.module.state_dict().items())


@pytest.mark.parametrize("name", ["fastvit_t8", "mobileone_s0"])
def test_timm_names_of_the_fused_form_load(name, tmp_path) -> None:
    fused = reparameterize_model(trained(name)).eval()
    torch.save(fused.state_dict(), tmp_path / "fused.pth")
    loaded = resolve(name, weights=str(tmp_path / "fused.pth")).module
    picture = torch.from_numpy(seeded_pictures(3, (1, 3, 64, 64)))
    with torch.no_grad():
        torch.testing.assert_close(loaded(picture), fused(picture), rtol=0, atol=0)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not any(module.training for module in loaded.modules())
