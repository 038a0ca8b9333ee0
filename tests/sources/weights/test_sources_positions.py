"""Position embeddings of one size of picture at another: what is stretched, what is not, and where it stands then."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mobiledeploy.errors import CheckpointError
from mobiledeploy.sources import resolve
from mobiledeploy.sources.weights.fitting import load_fitting
from mobiledeploy.sources.weights.positions import stretched_state


def ramp(rows: int, columns: int) -> torch.Tensor:
    """(2, rows, columns): where each token's centre is, 0 to 1 from top to bottom, and from left to right."""
    down = ((torch.arange(rows) + 0.5) / rows)[:, None].expand(rows, columns)
    across = ((torch.arange(columns) + 0.5) / columns)[None].expand(rows, columns)
    return torch.stack((down, across))


def flat(rows: int, columns: int) -> torch.Tensor:
    return ramp(rows, columns).flatten(1)


LAYOUTS = {
    "tokens, channels last": lambda r, c: flat(r, c).t()[None],
    "a class token before them": lambda r, c: torch.cat((torch.full((1, 2), 7.0), flat(r, c).t()))[None],
    "a distillation token too": lambda r, c: torch.cat((torch.full((2, 2), 7.0), flat(r, c).t()))[None],
    "no batch axis": lambda r, c: flat(r, c).t(),
    "heads first, offsets last": flat,
    "a grid, channels first": lambda r, c: ramp(r, c)[None],
    "a grid, channels last": lambda r, c: ramp(r, c).permute(1, 2, 0)[None],
    "blocks of tokens": lambda r, c: flat(r, c).t().expand(1, 4, r * c, 2),
}


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (16, 20), (8, 10)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_keeps_its_places(layout, rows, columns) -> None:
    """A value that says where it stands says so afterwards, to a tenth of a step of the coarser grid, away from the
    border (torch's cubic kernel, a = -0.5 where antialiased)."""
    saved, expected = LAYOUTS[layout](12, 12), LAYOUTS[layout](rows, columns)
    stretched = stretched_state({"pos_embed": saved}, {"pos_embed": tuple(expected.shape)}, (rows * 16, columns * 16))
    assert stretched is not None
    found = stretched["pos_embed"]
    assert found.shape == expected.shape
    inner = (expected > 0.2) & (expected < 0.8) | (expected == 7.0)
    assert inner.any()
    assert (found - expected)[inner].abs().max() < 0.1 / min(12, rows)


def test_the_same_grid_is_left_alone() -> None:
    state = {"pos_embed": torch.rand(1, 197, 8), "head.weight": torch.rand(3, 8)}
    stretched = stretched_state(state, {}, (224, 224))
    assert stretched is not None
    assert all(torch.equal(stretched[name], value) for name, value in state.items())


REFUSED = [
    ("no name of a position", "head.weight", (9, 4), (16, 4)),
    ("another number of axes", "pos_embed", (1, 9, 4), (16, 4)),
    ("another width", "pos_embed", (1, 9, 4), (1, 16, 8)),
    ("no square", "pos_embed", (1, 15, 4), (1, 64, 4)),
    ("no grid of the picture's shape", "pos_embed", (1, 9, 4), (1, 17, 4)),
    ("nothing to stretch", "pos_embed", (1, 1, 4), (1, 16, 4)),
]


@pytest.mark.parametrize(("_what", "name", "saved", "wanted"), REFUSED, ids=[what for what, *_ in REFUSED])
def test_what_is_no_grid_of_positions_is_not_stretched(_what, name, saved, wanted) -> None:
    assert stretched_state({name: torch.rand(saved)}, {name: wanted}, None) is None


def test_offsets_along_a_line_keep_their_centre_and_their_order() -> None:
    saved = torch.linspace(-1, 1, 13)[:, None].expand(13, 4)
    stretched = stretched_state({"attn.height_rel": saved}, {"attn.height_rel": (27, 4)}, (64, 32))
    assert stretched is not None
    found = stretched["attn.height_rel"]
    assert found.shape == (27, 4)
    assert found[13].abs().max() < 1e-6
    assert (found.diff(dim=0) >= 0).all()
    assert stretched_state({"attn.height_rel": saved}, {"attn.height_rel": (28, 4)}, None) is None


class Places(nn.Module):
    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, 4))
        self.head = nn.Linear(4, 2)


def test_it_is_said_that_a_file_was_resampled(ear) -> None:
    state = Places(1 + 9).state_dict()
    loaded = load_fitting(Places(1 + 6 * 8), state, "small.pth", picture=(96, 128), progress=ear)
    assert loaded.pos_embed.shape == (1, 49, 4)
    assert ear.notes == [
        "small.pth was trained at another resolution; its position embeddings are resampled (pos_embed)."
    ]


def test_a_file_that_differs_in_more_than_positions_is_refused() -> None:
    state = {**Places(1 + 9).state_dict(), "extra": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"1 unexpected \(extra\); 1 of another shape \(pos_embed"):
        load_fitting(Places(1 + 16), state, "small.pth")


# One small model for each way in which positions are kept, and the number of entries that change with the resolution.
MODELS = [
    ("deit_tiny_distilled_patch16_224", (160, 192), 1),  # by timm: class and distillation token
    ("test_coatnet", (192, 128), 3),  # by timm: tables of offsets
    ("cait_xxs24_224", (96, 128), 1),  # tokens alone, which timm does not resample
    ("pit_ti_224", (160, 192), 1),  # a grid, channels first
    ("volo_d1_224", (96, 128), 1),  # a grid, channels last
    ("levit_128s", (160, 192), 11),  # biases by offset
    ("botnet26t_256", (192, 256), 3),  # offsets along rows and columns
    ("nest_tiny_jx", (256, 256), 3),  # timm does not say that its size is fixed
    ("swinv2_cr_tiny_224", (256, 192), 0),  # computed
]


@pytest.mark.parametrize(("name", "resolution", "changed"), MODELS, ids=[name for name, *_ in MODELS])
def test_a_file_of_the_trained_size_is_loaded_at_another(name, resolution, changed, tmp_path) -> None:
    """Every weight arrives unchanged but the position embeddings, which keep their mean and their spread."""
    trained = resolve(name, weights="random").module.state_dict()
    torch.save(trained, tmp_path / "trained.pth")
    found = resolve(name, weights=str(tmp_path / "trained.pth"), resolution=resolution).module.state_dict()
    others = [key for key, value in found.items() if trained[key].shape != value.shape]
    assert changed is None or len(others) == changed
    assert all(torch.equal(found[key], trained[key]) for key in found if key not in others)
    for key in others:
        assert math.isclose(found[key].std(), trained[key].std(), rel_tol=0.6)


def test_pretrained_weights_are_resampled_where_timm_would_not(tmp_path) -> None:
    """Through the cache of torch hub, where CaiT's weights are published."""
    from pathlib import Path

    import timm
    from torch import hub

    trained = resolve("cait_xxs24_224", weights="random").module.state_dict()
    cfg = timm.get_pretrained_cfg("cait_xxs24_224")
    place = Path(hub.get_dir()) / "checkpoints" / Path(cfg.url).name
    place.parent.mkdir(parents=True)
    torch.save(trained, place)
    source = resolve("cait_xxs24_224", weights="pretrained", resolution=(192, 256))
    assert source.record.weights.kind == "pretrained"
    assert source.module.pos_embed.shape == (1, 12 * 16, 192)
    assert torch.equal(source.module.head.weight, trained["head.weight"])


def test_a_factory_for_another_size_takes_the_weights_of_torchvisions_vit(tmp_path) -> None:
    """torchvision has `interpolate_embeddings` for this, which a user would have to call."""
    body = "from torchvision.models import VisionTransformer\ndef net(size=64):\n"
    body += "    return VisionTransformer(size, 16, 1, 2, 32, 64, num_classes=5), [(1, 3, size, size)]\n"
    body += "def large():\n    return net(96)\n"
    (tmp_path / "vit.py").write_text(body)
    small = resolve(f"{tmp_path / 'vit.py'}:net", weights="random").module.state_dict()
    torch.save(small, tmp_path / "small.pth")
    large = resolve(f"{tmp_path / 'vit.py'}:large", weights=str(tmp_path / "small.pth")).module.state_dict()
    assert large["encoder.pos_embedding"].shape == (1, 1 + 36, 32)
    assert torch.equal(large["encoder.pos_embedding"][:, 0], small["encoder.pos_embedding"][:, 0])
    assert torch.equal(large["heads.head.weight"], small["heads.head.weight"])
