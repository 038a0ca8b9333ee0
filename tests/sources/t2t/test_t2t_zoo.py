"""T2T-ViT is a name of the zoo like any of timm's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mobiledeploy
from mobiledeploy.errors import InputError, ParityError, UnknownModelError
from mobiledeploy.records import Preprocessing
from mobiledeploy.sources import list_models, resolve
from mobiledeploy.sources.t2t.sinusoids import sinusoids

NAMES = (
    "t2t_vit_7",
    "t2t_vit_10",
    "t2t_vit_12",
    "t2t_vit_14",
    "t2t_vit_19",
    "t2t_vit_24",
    "t2t_vit_t_14",
    "t2t_vit_t_19",
    "t2t_vit_t_24",
)


def test_the_names_are_listed_in_natural_order() -> None:
    assert list_models("t2t*") == NAMES
    assert set(NAMES) < set(list_models())
    everything = list_models("*")
    assert (
        everything.index("swinv2_tiny_window8_256")
        < everything.index("t2t_vit_7")
        < everything.index("tf_efficientnet_b0")
    )


UNKNOWN = [
    ("T2T-ViT-14", "no model is called `T2T-ViT-14`", "Near: t2t_vit_14, "),
    ("t2t_vit_15", "no model is called `t2t_vit_15`", "Near: t2t_vit_1"),
    ("t2t_vit_14.in1k", "t2t_vit_14 has no weights tagged `in1k`", "Near: t2t_vit_14."),
]


@pytest.mark.parametrize(("name", "what", "remedy"), UNKNOWN, ids=[name for name, *_ in UNKNOWN])
def test_a_name_that_is_nearly_one_is_answered_with_it(name, what, remedy) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolve(name)
    assert caught.value.what == what
    assert (caught.value.remedy or "").startswith(remedy)


def test_a_record_says_what_was_made() -> None:
    source = resolve("t2t_vit_7", weights="random", seed=3)
    record = source.record
    assert (record.kind, record.identifier, record.name) == ("zoo", "t2t_vit_7", "t2t_vit_7")
    assert record.architecture == f"t2t_vit_7 (mobiledeploy {mobiledeploy.__version__})"
    assert record.parameters == 4_310_222
    assert record.license == "bsd-3-clause-clear"
    (spec,) = source.inputs
    assert spec.shape == (1, 3, 224, 224)
    assert spec.preprocessing == Preprocessing(
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), interpolation="bicubic", crop=0.9
    )


def test_random_weights_leave_what_is_computed() -> None:
    first, second = (resolve("t2t_vit_7", weights="random", seed=seed).module for seed in (1, 2))
    assert torch.equal(first.pos_embed, sinusoids(197, 256))
    w = first.tokens_to_token.attention1.w
    assert torch.allclose(w @ w.t(), 32 * torch.eye(32), atol=1e-4)
    assert not torch.equal(w, second.tokens_to_token.attention1.w)


@pytest.mark.parametrize("name", ["attention1", "attention2"])
def test_random_weights_let_the_linear_attention_attend(name) -> None:
    """What it adds is of the size of the values that it adds to, and differs from token to token."""
    source = resolve("t2t_vit_7", weights="random")
    added: list[torch.Tensor] = []
    getattr(source.module.tokens_to_token, name).proj.register_forward_hook(lambda *call: added.append(call[-1]))
    source.module(torch.rand(source.inputs[0].shape, generator=torch.Generator().manual_seed(0)))
    assert 0.05 < float(added[0].std()) < 2
    assert float(added[0].std(dim=1).mean()) > 0.01


@pytest.mark.parametrize("resolution", [(160, 192), (384, 384)])
def test_another_resolution_has_its_own_sinusoids(resolution) -> None:
    source = resolve("t2t_vit_7", weights="random", resolution=resolution)
    tokens = resolution[0] // 16 * (resolution[1] // 16)
    assert torch.equal(source.module.pos_embed, sinusoids(1 + tokens, 256))
    with torch.no_grad():
        assert source.module(torch.zeros(1, 3, *resolution)).shape == (1, 1000)


def test_a_resolution_with_a_rest_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        resolve("t2t_vit_7", weights="random", resolution=(230, 224))
    assert caught.value.what == "t2t_vit_7 does not take 230x224"
    assert caught.value.remedy == "It takes multiples of 16x16. Leave --resolution out."


# the fp16 bar of the project; what is measured is around 70 dB
@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_t_14"])
def test_an_export_equals_the_original(name, tmp_path: Path) -> None:
    options = mobiledeploy.ExportOptions(weights="random", resolution=(64, 96), min_psnr=50.0)
    result = mobiledeploy.export(name, output=tmp_path, options=options)
    assert result.proof.parity[0].passed
    assert result.manifest.source.identifier == name


def test_features_beyond_float16_are_refused_and_float32_takes_them(tmp_path: Path) -> None:
    """The performers take exponentials: keys and queries along one of the directions w give exp(|w|²/2), 1e6."""
    state = resolve("t2t_vit_7", weights="random", resolution=(64, 64)).module.state_dict()
    token = "tokens_to_token.attention1"
    state[f"{token}.kqv.bias"][:128] += 0.9 * state[f"{token}.w"][0].repeat(2)
    torch.save(state, tmp_path / "hot.pth")
    options = mobiledeploy.ExportOptions(weights=str(tmp_path / "hot.pth"), resolution=(64, 64))
    with pytest.raises(ParityError, match="values are NaN") as caught:
        mobiledeploy.export("t2t_vit_7", output=tmp_path / "out", options=options)
    assert "first at exp" in (caught.value.where or "")
    assert "--precision mixed" in (caught.value.remedy or "")
    assert not list((tmp_path / "out").glob("t2t*"))
    wide = mobiledeploy.export("t2t_vit_7", output=tmp_path / "out", options=replace(options, precision="float32"))
    assert wide.proof.parity[0].passed
