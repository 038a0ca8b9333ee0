"""MLP-Mixer, ResMLP and gMLP on larger pictures: block-diagonal maps over tokens, in the order of the tokens."""

from __future__ import annotations

import pytest
import torch
from timm.layers import GatedMlp
from timm.models.mlp_mixer import Affine, MlpMixer, ResBlock, SpatialGatingBlock
from torch import nn

from mobiledeploy.errors import CheckpointError, InputError
from mobiledeploy.sources import resolve
from mobiledeploy.sources.token_mixing import Splitting, enlarged, tiles_agree, token_maps
from mobiledeploy.sources.weights.calibration import seeded_pictures
from mobiledeploy.sources.weights.seeded import seed_weights

# float64, a few layers of a few dozen terms
EXACT = 1e-12

# As timm builds its three families (timm/models/mlp_mixer.py).
FAMILIES = {
    "mixer": {},
    "resmlp": {"block_layer": ResBlock, "mlp_ratio": 4, "norm_layer": Affine},
    "gmlp": {"block_layer": SpatialGatingBlock, "mlp_ratio": 6, "mlp_layer": GatedMlp},
}


def tiny(family: str, height: int, width: int) -> nn.Module:
    """Two blocks on patches of 4x4 pixels, with weights that matter."""
    module = MlpMixer(
        img_size=(height, width), patch_size=4, num_blocks=2, embed_dim=8, num_classes=5, **FAMILIES[family]
    )
    seed_weights(module, (), 3)
    return module.double()


def picture(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(seeded_pictures(1, (1, 3, height, width))).double()


def tokens_of_blocks(module: nn.Module, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    seen: list[torch.Tensor] = []
    handles = [block.register_forward_hook(lambda *call: seen.append(call[-1])) for block in module.blocks]
    with torch.no_grad():
        logits = module(x)
    for handle in handles:
        handle.remove()
    return seen, logits


@pytest.mark.parametrize("times", [(2, 2), (3, 3), (1, 2)], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_part_of_a_tiled_picture_is_processed_as_the_trained_model_does(family, times) -> None:
    """At every block, token by token, and in the logits. The grid is 3 x 5, so that no order passes by symmetry."""
    trained = tiny(family, 12, 20)
    larger = enlarged(trained, tiny(family, 12 * times[0], 20 * times[1]), Splitting((3, 5), times)).double()
    x = picture(12, 20)
    small, logits = tokens_of_blocks(trained, x)
    large, logits_of_tiles = tokens_of_blocks(larger, x.repeat(1, 1, *times))
    assert len(small) == len(large) == 2
    for expected, found in zip(small, large, strict=True):
        tiles = expected.reshape(1, 3, 5, 8).repeat(1, *times, 1)
        assert (found.reshape(tiles.shape) - tiles).abs().max() < EXACT
    assert (logits_of_tiles - logits).abs().max() < EXACT


def test_parts_do_not_see_each_other() -> None:
    """What is changed in one part changes the tokens of that part alone."""
    trained = tiny("mixer", 12, 20)
    larger = enlarged(trained, tiny("mixer", 24, 40), Splitting((3, 5), (2, 2))).double()
    x = picture(24, 40)
    before, _ = tokens_of_blocks(larger, x)
    x[:, :, :12, 20:] += 1.0
    after, _ = tokens_of_blocks(larger, x)
    changed = (after[-1] - before[-1]).abs().amax(dim=-1).reshape(6, 10) > 0
    assert changed[:3, 5:].all()
    assert not changed[3:].any()
    assert not changed[:3, :5].any()


def test_the_weights_are_copies_on_the_diagonal() -> None:
    """Two parts above each other: their tokens already stand part by part."""
    trained = tiny("mixer", 12, 20)
    larger = enlarged(trained, tiny("mixer", 24, 20), Splitting((3, 5), (2, 1)))
    old, new = trained.blocks[0].mlp_tokens, larger.blocks[0].mlp_tokens
    assert torch.equal(new.fc1.weight, torch.block_diag(old.fc1.weight, old.fc1.weight).float())
    assert torch.equal(new.fc2.weight, torch.block_diag(old.fc2.weight, old.fc2.weight).float())
    assert torch.equal(new.fc1.bias, old.fc1.bias.repeat(2).float())
    assert torch.equal(new.fc2.bias, old.fc2.bias.repeat(2).float())
    assert torch.equal(larger.head.weight, trained.head.weight)


def test_the_order_of_tokens_by_hand() -> None:
    part, index = Splitting((2, 2), (2, 2)).tokens()
    assert part.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3]
    assert index.tolist() == [0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3]


FULLY_CONNECTED = {"fc1": (False, True), "fc2": (True, False)}


def test_only_maps_over_tokens_are_found() -> None:
    maps = token_maps(tiny("mixer", 12, 20), tiny("mixer", 24, 20))
    assert maps == {f"blocks.{i}.mlp_tokens.{fc}": sides for i in (0, 1) for fc, sides in FULLY_CONNECTED.items()}


def test_tiles_tell_a_wrong_order_of_tokens() -> None:
    trained = tiny("mixer", 12, 20)
    right = enlarged(trained, tiny("mixer", 24, 40), Splitting((3, 5), (2, 2))).double()
    wrong = enlarged(trained, tiny("mixer", 24, 40), Splitting((5, 3), (2, 2))).double()
    assert tiles_agree(trained, right, picture(12, 20), (2, 2))
    assert not tiles_agree(trained, wrong, picture(12, 20), (2, 2))


class Placed(nn.Module):
    """A model whose tokens have trained places that are a parameter."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.places = nn.Embedding(tokens, 4)


def test_what_is_no_linear_map_is_named() -> None:
    with pytest.raises(ValueError, match=r"^places is a Embedding$"):
        token_maps(Placed(4), Placed(16))


def test_tokens_that_are_no_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^15 tokens are no grid of 4x4$"):
        enlarged(tiny("mixer", 12, 20), tiny("mixer", 24, 40), Splitting((4, 4), (2, 2)))


@pytest.mark.parametrize("name", ["mixer_s32_224", "resmlp_12_224", "gmlp_ti16_224"])
def test_a_model_of_the_zoo_at_twice_its_size(name) -> None:
    trained, larger = (resolve(name, weights="random", resolution=size) for size in (None, (448, 448)))
    assert larger.inputs[0].shape == (1, 3, 448, 448)
    assert larger.record.weights.sha256 == trained.record.weights.sha256
    assert larger.record.parameters > trained.record.parameters
    x = picture(224, 224)
    with torch.no_grad():
        expected = trained.module.double()(x)
        found = larger.module.double()(x.repeat(1, 1, 2, 2))
    assert (found - expected).abs().max() < 1e-10 * expected.abs().max()


def test_a_file_of_the_trained_size_is_enlarged(tmp_path) -> None:
    trained = resolve("mixer_s32_224", weights="random", seed=7)
    torch.save({"state_dict": trained.module.state_dict()}, tmp_path / "mixer.pth")
    source = resolve("mixer_s32_224", weights=str(tmp_path / "mixer.pth"), resolution=(448, 224))
    assert source.record.weights.sha256 == trained.record.weights.sha256
    fc1 = source.module.blocks[0].mlp_tokens.fc1.weight
    assert fc1.shape == (2 * 256, 2 * 49)
    expected = trained.module.blocks[0].mlp_tokens.fc1.weight
    assert torch.equal(fc1, torch.block_diag(expected, expected))
    assert torch.equal(source.module.stem.proj.weight, trained.module.stem.proj.weight)


def test_a_file_that_was_trained_on_at_the_larger_size_is_taken_as_it_is(tmp_path) -> None:
    larger = resolve("mixer_s32_224", weights="random", resolution=(448, 448))
    state = {name: value + 1.0 for name, value in larger.module.state_dict().items()}
    torch.save(state, tmp_path / "tuned.pth")
    source = resolve("mixer_s32_224", weights=str(tmp_path / "tuned.pth"), resolution=(448, 448))
    assert all(torch.equal(value, state[name]) for name, value in source.module.state_dict().items())


def test_a_file_that_fits_neither_size_is_refused_with_what_differs_from_the_trained_one(tmp_path) -> None:
    state = resolve("mixer_s32_224", weights="random").module.state_dict()
    state["blocks.0.mlp_tokens.fc1.weight"] = torch.zeros(3, 3)
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(CheckpointError, match=r"fc1.weight: \[3, 3\] in the file, \[256, 49\] in the model"):
        resolve("mixer_s32_224", weights=str(tmp_path / "wrong.pth"), resolution=(448, 448))


@pytest.mark.parametrize("resolution", [(112, 112), (336, 336), (448, 336)], ids=str)
def test_sizes_that_are_no_whole_multiples_are_refused(resolution) -> None:
    with pytest.raises(
        InputError, match="so it takes whole multiples of its own size: 224x224, 448x448, 672x672"
    ) as no:
        resolve("resmlp_12_224", weights="random", resolution=resolution)
    assert no.value.where == "--resolution"
