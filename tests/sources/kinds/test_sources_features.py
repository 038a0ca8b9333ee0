"""`NAME:features`: timm's feature maps under stable names, with the weights of the whole model."""

from __future__ import annotations

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from mobiledeploy.errors import InputError, UnknownModelError
from mobiledeploy.sources import resolve

SMALL = (64, 64)


@pytest.mark.parametrize(
    ("name", "channels", "last_is_whole"),
    [
        ("resnet18", (64, 64, 128, 256, 512), True),
        ("mobilenetv3_small_050", (16, 8, 16, 24, 288), True),
        ("mobilevit_xxs", (16, 24, 48, 64, 320), True),
        ("fastvit_t8", (48, 96, 192, 384), False),
        ("vit_tiny_patch16_224", (192, 192, 192), False),
    ],
)
def test_maps_are_those_of_the_whole_model(name, channels, last_is_whole) -> None:
    features = resolve(f"{name}:features", weights="random", resolution=SMALL)
    whole = resolve(name, weights="random", resolution=SMALL)
    image = torch.rand(1, 3, *SMALL, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = features.module(image)
        last = whole.module.forward_features(image)
    assert list(maps) == [f"feature_{index}" for index in range(len(channels))]
    assert tuple(value.shape[1] for value in maps.values()) == channels
    if last_is_whole:
        assert torch.equal(list(maps.values())[-1], last)
    assert features.record.weights == whole.record.weights
    assert features.record.parameters < whole.record.parameters
    assert (features.record.kind, features.record.name) == ("features", f"{name}_features")


def test_the_weights_of_a_file_are_the_whole_models(tmp_path) -> None:
    whole = resolve("mobilenetv3_small_050", weights="random", resolution=SMALL, seed=5)
    save_file(whole.module.state_dict(), tmp_path / "whole.safetensors")
    path = str(tmp_path / "whole.safetensors")
    features = resolve("mobilenetv3_small_050:features", weights=path, resolution=SMALL)
    image = torch.rand(1, 3, *SMALL)
    with torch.no_grad():
        assert torch.equal(features.module(image)["feature_4"], whole.module.forward_features(image))
    assert features.record.weights.kind == "file"


def test_a_tag_of_weights_is_part_of_the_name() -> None:
    features = resolve("resnet18.a1_in1k:features", weights="random", resolution=SMALL)
    assert features.record.identifier == "resnet18.a1_in1k:features"


def test_a_model_without_maps_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def refuses(name: str, **arguments: object) -> nn.Module:
        if arguments.get("features_only"):
            raise RuntimeError("features_only is not implemented\nfor this one")
        return create(name, **arguments)

    monkeypatch.setattr(timm, "create_model", refuses)
    with pytest.raises(InputError) as failure:
        resolve("resnet18:features", weights="random", resolution=SMALL)
    assert failure.value.what == (
        "timm gives no feature maps of resnet18: features_only is not implemented for this one"
    )
    assert failure.value.remedy == "Write a factory that returns the maps you want."


def test_an_unknown_tag_is_answered_as_for_the_whole_model() -> None:
    with pytest.raises(UnknownModelError, match="resnet18 has no weights tagged `absent`"):
        resolve("resnet18.absent:features", weights="random")


def test_a_model_enlarged_for_its_resolution_has_none_there() -> None:
    with pytest.raises(InputError, match="to be had at its own resolution only"):
        resolve("mixer_s32_224:features", weights="random", resolution=(448, 448))
