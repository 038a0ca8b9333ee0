"""Official T2T-ViT checkpoints: their names, their wrappers, another resolution, and files that are no such thing."""

from __future__ import annotations

import argparse

import pytest
import torch
from official_names import official_shapes

from mobiledeploy.errors import CheckpointError, HostError
from mobiledeploy.sources import resolve
from mobiledeploy.sources.t2t.variants import VARIANTS

LITE = {"performer": True, "width": 256, "depth": 7, "ratio": 2}


def official_state(**size) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return {name: torch.randn(shape, generator=generator) for name, shape in official_shapes(**size).items()}


def zeros(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(value) for name, value in state.items()}


# What main.py of the repository saves through timm's CheckpointSaver, and what people make of it.
WRAPPERS = {
    "bare": lambda state: state,
    "training": lambda state: {
        "epoch": 309,
        "arch": "t2t_vit_7",
        "state_dict": zeros(state),
        "optimizer": {"state": {}, "param_groups": []},
        "args": argparse.Namespace(lr=1e-3),
        "version": 2,
        "state_dict_ema": state,
        "metric": 71.7,
    },
    "parallel": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    "averaged and parallel": lambda state: {
        "state_dict": zeros(state),
        "state_dict_ema": {f"module.{name}": value for name, value in state.items()},
    },
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_an_official_file_is_loaded_whole(wrapper, tmp_path) -> None:
    state = official_state(**LITE)
    torch.save(WRAPPERS[wrapper](state), tmp_path / "71.7_T2T_ViT_7.pth.tar")
    source = resolve("t2t_vit_7", weights=str(tmp_path / "71.7_T2T_ViT_7.pth.tar"))
    loaded = source.module.state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    assert (source.record.weights.kind, source.record.weights.origin) == ("file", "71.7_T2T_ViT_7.pth.tar")


def test_a_token_transformer_is_loaded_whole(tmp_path) -> None:
    state = official_state(performer=False, width=384, depth=14, ratio=3)
    torch.save({"state_dict_ema": state}, tmp_path / "t.pth.tar")
    loaded = resolve("t2t_vit_t_14", weights=str(tmp_path / "t.pth.tar")).module.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


WRONG = [
    (
        "another depth",
        "t2t_vit_7",
        {**LITE, "depth": 10},
        "wrong.pth does not fit T2TViT: 33 unexpected (blocks.7.norm1.weight, blocks.7.norm1.bias, "
        "blocks.7.norm2.weight … 30 more)",
    ),
    (
        "the other token module",
        "t2t_vit_7",
        {**LITE, "performer": False},
        "wrong.pth does not fit T2TViT: 18 missing (tokens_to_token.attention1.w, "
        "tokens_to_token.attention1.kqv.weight, tokens_to_token.attention1.kqv.bias … 15 more); "
        "14 unexpected (tokens_to_token.attention1.attn.qkv.weight, "
        "tokens_to_token.attention1.attn.proj.weight, tokens_to_token.attention1.attn.proj.bias … 11 more)",
    ),
]


@pytest.mark.parametrize(("_what", "name", "size", "message"), WRONG, ids=[what for what, *_ in WRONG])
def test_a_file_of_another_model_is_refused_with_what_differs(_what, name, size, message, tmp_path) -> None:
    torch.save(official_state(**size), tmp_path / "wrong.pth")
    with pytest.raises(CheckpointError) as caught:
        resolve(name, weights=str(tmp_path / "wrong.pth"))
    assert caught.value.what == message
    assert caught.value.remedy == "Name the architecture that the file was saved from."


def test_a_file_of_another_resolution_is_stretched_to_the_grid_and_not_mirrored(tmp_path) -> None:
    """A position embedding that is linear in row and column stays linear inside, with the same values at the same
    places of the picture, to a tenth of a step (torch's cubic kernel, a = -0.75); the class token's is left alone."""
    state = official_state(**LITE)
    centers = (torch.arange(14) + 0.5) / 14
    rows, columns = torch.meshgrid(centers, centers, indexing="ij")
    state["pos_embed"][0, 1:, 0] = rows.flatten()
    state["pos_embed"][0, 1:, 1] = columns.flatten()
    torch.save(state, tmp_path / "w.pth")
    source = resolve("t2t_vit_7", weights=str(tmp_path / "w.pth"), resolution=(448, 224))
    found = source.module.pos_embed
    assert found.shape == (1, 28 * 14 + 1, 256)
    assert torch.equal(found[:, 0], state["pos_embed"][:, 0])
    grid = found[0, 1:, :2].reshape(28, 14, 2)[4:-4, 4:-4]
    expected = torch.meshgrid((torch.arange(28) + 0.5) / 28, centers, indexing="ij")
    assert torch.allclose(grid[..., 0], expected[0][4:-4, 4:-4], atol=0.1 / 28)
    assert torch.allclose(grid[..., 1], expected[1][4:-4, 4:-4], atol=1e-5)
    assert torch.equal(source.module.head.weight, state["head.weight"])


def test_a_file_of_the_resolution_asked_for_is_taken_as_it_is(tmp_path) -> None:
    """The repository has weights that were trained at 384x384."""
    state = official_state(**LITE)
    state["pos_embed"] = torch.rand(1, 1 + 24 * 24, 256)
    torch.save(state, tmp_path / "w.pth")
    source = resolve("t2t_vit_7", weights=str(tmp_path / "w.pth"), resolution=(384, 384))
    assert torch.equal(source.module.pos_embed, state["pos_embed"])


def cached(name: str) -> str:
    from pathlib import Path

    from torch import hub

    place = Path(hub.get_dir()) / "checkpoints" / VARIANTS[name].file
    place.parent.mkdir(parents=True)
    return str(place)


def test_the_official_release_is_taken_from_the_cache_of_torch_hub() -> None:
    state = official_state(**LITE)
    torch.save({"state_dict_ema": state}, cached("t2t_vit_7"))
    source = resolve("t2t_vit_7", weights="pretrained")
    record = source.record.weights
    assert record.kind == "pretrained"
    assert record.origin == ("https://github.com/yitu-opensource/T2T-ViT/releases/download/main/71.7_T2T_ViT_7.pth.tar")
    assert torch.equal(source.module.head.weight, state["head.weight"])


def test_a_damaged_file_in_the_cache_is_named() -> None:
    torch.save(official_state(**{**LITE, "depth": 10}), cached("t2t_vit_7"))
    with pytest.raises(CheckpointError, match="cached pretrained weights of t2t_vit_7 cannot be loaded") as caught:
        resolve("t2t_vit_7")
    assert caught.value.remedy == "Delete that file, so that it is fetched again."


def test_offline_the_release_is_not_asked_for(ear) -> None:
    with pytest.raises(
        HostError, match=r"^HF_HUB_OFFLINE is set and the local cache does not hold https://github\.com"
    ):
        resolve("t2t_vit_7", weights="pretrained")
    record = resolve("t2t_vit_7", progress=ear).record.weights
    assert record.kind == "random"
    assert (record.fallback or "").endswith("71.7_T2T_ViT_7.pth.tar is not in the local cache and could not be fetched")
    assert ear.warnings[0].startswith("RANDOM WEIGHTS: HF_HUB_OFFLINE is set")
