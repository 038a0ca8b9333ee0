"""timm's architectures: what they take, at which resolution, under which name."""

from __future__ import annotations

import pytest
import timm
import torch

from mobiledeploy.errors import InputError
from mobiledeploy.records import Preprocessing
from mobiledeploy.sources import resolve


def test_a_record_says_what_was_made() -> None:
    source = resolve("fastvit_t8", weights="random", seed=3)
    record = source.record
    assert (record.kind, record.identifier, record.name) == ("zoo", "fastvit_t8", "fastvit_t8")
    assert record.architecture == f"fastvit_t8 (timm {timm.__version__})"
    assert record.license == "fastvit-license"
    assert record.parameters == sum(p.numel() for p in timm.create_model("fastvit_t8").parameters())
    assert (record.weights.kind, record.weights.seed) == ("random", 3)


def test_the_module_is_ready_to_be_captured() -> None:
    module = resolve("mobilevit_xxs", weights="random").module
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not any(child.training for child in module.modules())


DEFAULTS = [
    ("fastvit_t8", (256, 256)),
    ("mobilevit_s", (256, 256)),
    ("mobilevitv2_050", (256, 256)),
    ("mixer_s32_224", (224, 224)),
    ("resnet18", (224, 224)),  # not its larger test_input_size
    ("deit_tiny_patch16_224", (224, 224)),
]


@pytest.mark.parametrize(("name", "resolution"), DEFAULTS, ids=[name for name, _ in DEFAULTS])
def test_the_default_is_the_resolution_of_training(name, resolution) -> None:
    (spec,) = resolve(name, weights="random").inputs
    assert spec.shape == (1, 3, *resolution)
    assert (spec.name, spec.kind, spec.dtype) == ("image", "image", "float32")


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        ("fastvit_t8", (192, 320)),
        ("mobilevit_xxs", (192, 320)),
        ("deit_tiny_patch16_224", (160, 192)),
        ("swin_tiny_patch4_window7_224", (448, 224)),
        ("mixer_s32_224", (224, 224)),
    ],
)
def test_a_resolution_that_a_model_takes(name, resolution) -> None:
    source = resolve(name, weights="random", resolution=resolution)
    (spec,) = source.inputs
    assert spec.shape == (1, 3, *resolution)
    with torch.no_grad():
        assert source.module(torch.zeros(spec.shape)).shape == (1, 1000)


REFUSED = [
    (
        "mixer_s32_224",
        (256, 256),
        "mixer_s32_224 does not take 256x256",
        "Its weights belong to the number of patches, so it takes whole multiples of its own size: "
        "224x224, 448x448, 672x672 and so on. Leave --resolution out.",
    ),
    (
        "resmlp_12_224",
        (448, 336),
        "resmlp_12_224 does not take 448x336",
        "Its weights belong to the number of patches, so it takes whole multiples of its own size: "
        "224x224, 448x448, 672x672 and so on. Leave --resolution out.",
    ),
    (
        "deit_tiny_patch16_224",
        (225, 224),
        "deit_tiny_patch16_224 does not take 225x224",
        "It takes multiples of 16x16. Leave --resolution out.",
    ),
    (
        "crossvit_9_240",
        (16, 16),
        "crossvit_9_240 does not take 16x16",
        None,
    ),
]


@pytest.mark.parametrize(("name", "resolution", "what", "remedy"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_a_resolution_that_a_model_refuses(name, resolution, what, remedy) -> None:
    with pytest.raises(InputError) as caught:
        resolve(name, weights="random", resolution=resolution)
    assert caught.value.what.startswith(what)
    assert caught.value.where == "--resolution"
    assert remedy is None or caught.value.remedy == remedy


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PREPROCESSING = [
    # apple/ml-fastvit and timm agree
    ("fastvit_t8", Preprocessing(*IMAGENET, interpolation="bicubic", crop=0.9)),
    ("fastvit_ma36", Preprocessing(*IMAGENET, interpolation="bicubic", crop=0.95)),
    # MobileCLIP's image encoder
    ("fastvit_mci0", Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), interpolation="bicubic", crop=0.95)),
    # RGB, unlike Apple's own checkpoints of the same model
    ("mobilevit_s", Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), interpolation="bicubic", crop=0.9)),
    ("mobilevitv2_100", Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), interpolation="bicubic", crop=0.888)),
    ("mixer_b16_224", Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), interpolation="bicubic", crop=0.875)),
    ("mobileone_s0", Preprocessing(*IMAGENET, interpolation="bilinear", crop=0.875)),
]


@pytest.mark.parametrize(("name", "expected"), PREPROCESSING, ids=[name for name, _ in PREPROCESSING])
def test_preprocessing_is_the_models_own(name, expected) -> None:
    from mobiledeploy.sources.preprocessing import preprocessing_of

    assert preprocessing_of(timm.get_pretrained_cfg(name).to_dict()) == expected
    assert expected.color == "RGB"


def test_pictures_of_other_channels() -> None:
    from mobiledeploy.sources.preprocessing import image_input, preprocessing_of

    grey = preprocessing_of({"input_size": (1, 28, 28), "mean": (0.13,), "std": (0.31,), "interpolation": "random"})
    assert grey == Preprocessing((0.13,), (0.31,), color="GRAYSCALE", interpolation="bilinear", crop=1.0)
    depth = {"input_size": (4, 32, 32), "mean": IMAGENET[0], "std": IMAGENET[1]}
    assert preprocessing_of(depth) is None
    spec = image_input(depth, None)
    assert (spec.kind, spec.shape, spec.preprocessing) == ("tensor", (1, 4, 32, 32), None)


def test_an_old_name_still_works(ear) -> None:
    source = resolve("vit_tiny_patch16_224_in21k", weights="random", progress=ear)
    assert source.record.identifier == "vit_tiny_patch16_224_in21k"
    (note,) = ear.notes
    assert note.startswith("timm renamed vit_tiny_patch16_224_in21k; it is vit_tiny_patch16_224.")


def test_weights_for_another_resolution_are_resampled_by_timm(tmp_path) -> None:
    """timm's own function stretches the position embedding of a checkpoint to the model's resolution."""
    original = resolve("deit_tiny_patch16_224", weights="random")
    torch.save(original.module.state_dict(), tmp_path / "deit.pth")
    resized = resolve("deit_tiny_patch16_224", weights=str(tmp_path / "deit.pth"), resolution=(160, 160))
    assert resized.module.pos_embed.shape == (1, 101, 192)
    assert torch.equal(resized.module.head.weight, original.module.head.weight)
