"""torchvision's builders with the weights that torchvision recommends, or with none, and never with half of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision import models

from mobiledeploy.errors import HostError, InputError
from mobiledeploy.sources import resolve

SEGMENTATION = "torchvision.models.segmentation:lraspp_mobilenet_v3_large"


def test_a_classifier_knows_its_pictures() -> None:
    (spec,) = resolve("torchvision.models:mobilenet_v3_small", weights="random").inputs
    assert (spec.name, spec.shape, spec.kind) == ("image", (1, 3, 224, 224), "image")
    assert spec.preprocessing is not None
    assert spec.preprocessing.mean == (0.485, 0.456, 0.406)
    assert spec.preprocessing.interpolation == "bilinear"
    assert spec.preprocessing.crop == pytest.approx(224 / 256)


def test_a_segmentation_is_made_for_the_size_that_its_weights_were_measured_at() -> None:
    source = resolve(SEGMENTATION, weights="random")
    assert source.inputs[0].shape == (1, 3, 520, 520)
    assert (source.record.kind, source.record.name) == ("torchvision", "lraspp_mobilenet_v3_large")
    assert source.record.architecture.startswith("lraspp_mobilenet_v3_large (torchvision 0.")


def test_without_a_hub_all_weights_are_random_and_it_is_said(ear) -> None:
    source = resolve(SEGMENTATION, resolution=(64, 64), progress=ear)
    assert source.record.weights.kind == "random"
    assert source.record.weights.fallback is not None
    assert "lraspp_mobilenet_v3_large-d234d4ea.pth is not in the local cache" in source.record.weights.fallback
    assert any(warning.startswith("RANDOM WEIGHTS") for warning in ear.warnings)


def test_strictly_pretrained_weights_are_demanded_of_the_hub() -> None:
    with pytest.raises(HostError, match="lraspp_mobilenet_v3_large"):
        resolve(SEGMENTATION, weights="pretrained")


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("torchvision.models:mobilenet_v3_small", "mobilenet_v3_small"),
        ("torchvision.models.detection:ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large"),
        ("torchvision.models.segmentation:deeplabv3_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"),
    ],
)
def test_cached_weights_are_the_whole_set(identifier, name) -> None:
    weights = models.get_model_weights(name).DEFAULT
    options = {"aux_loss": True} if "deeplab" in name else {}
    torch.manual_seed(3)
    made = models.get_model(name, weights=None, weights_backbone=None, **options)
    place = Path(torch.hub.get_dir()) / "checkpoints"
    place.mkdir(parents=True)
    torch.save(made.state_dict(), place / weights.url.rpartition("/")[2])
    source = resolve(identifier, resolution=(64, 64))
    assert source.record.weights.kind == "pretrained"
    assert source.record.weights.origin == weights.url
    found = source.module.state_dict()
    assert list(found) == list(made.state_dict())
    assert all(torch.equal(found[key], value) for key, value in made.state_dict().items())


def test_random_and_pretrained_give_the_same_outputs() -> None:
    """The auxiliary head is in torchvision's weights, so it is there without them."""
    name = "torchvision.models.segmentation:deeplabv3_mobilenet_v3_large"
    outputs = resolve(name, weights="random", resolution=(64, 64)).module(torch.zeros(1, 3, 64, 64))
    assert list(outputs) == ["out", "aux"]


@pytest.mark.parametrize(
    "identifier", ["torchvision.models:resnet51", "torchvision.models.video:r3d_18", "torchvision.models:ResNet"]
)
def test_what_takes_no_single_picture_is_a_factory_like_any(identifier) -> None:
    from mobiledeploy.sources.table import SOURCES

    assert next(source for source in SOURCES if source.claims(identifier)).kind == "factory"


@pytest.mark.parametrize("weights", ["random", "pretrained", "file"])
def test_a_vision_transformer_is_made_for_another_resolution(weights, tmp_path) -> None:
    """torchvision would refuse the picture, and leave its `interpolate_embeddings` to the user."""
    recommended = models.get_model_weights("vit_b_32").DEFAULT
    trained = models.vit_b_32(weights=None)
    if weights == "pretrained":
        place = Path(torch.hub.get_dir()) / "checkpoints"
        place.mkdir(parents=True)
        torch.save(trained.state_dict(), place / recommended.url.rpartition("/")[2])
    if weights == "file":
        weights = str(tmp_path / "vit.pth")
        torch.save(trained.state_dict(), weights)
    source = resolve("torchvision.models:vit_b_32", weights=weights, resolution=(96, 96))
    assert source.inputs[0].shape == (1, 3, 96, 96)
    assert source.module.encoder.pos_embedding.shape == (1, 1 + 3 * 3, 768)
    if weights != "random":
        assert torch.equal(source.module.conv_proj.weight, trained.conv_proj.weight)
        before, after = trained.encoder.pos_embedding, source.module.encoder.pos_embedding
        assert torch.equal(before[:, 0], after[:, 0])


REFUSED = [
    ("vit_b_32", (96, 128), "vit_b_32 does not take 96x128", "It takes 224x224. Leave --resolution out."),
    ("vit_b_32", (100, 100), "vit_b_32 does not take 100x100", "It takes 224x224. Leave --resolution out."),
]


@pytest.mark.parametrize(("name", "resolution", "what", "remedy"), REFUSED, ids=[str(size) for _, size, *_ in REFUSED])
def test_a_resolution_that_it_cannot_be_made_for_is_refused(name, resolution, what, remedy) -> None:
    with pytest.raises(InputError) as caught:
        resolve(f"torchvision.models:{name}", weights="random", resolution=resolution)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)
