"""One-stage detectors without suppression: torchvision's own boxes and scores, up to the choice among them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import clip_boxes_to_image

from mobiledeploy.errors import InputError
from mobiledeploy.sources.detection import DetectionHeads, without_suppression


class Backbone(nn.Sequential):
    out_channels = 32

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 32, 3, stride=8, padding=1), nn.ReLU())


def retinanet() -> nn.Module:
    anchors = AnchorGenerator(sizes=((16, 32),), aspect_ratios=((0.5, 1.0, 2.0),))
    return RetinaNet(Backbone(), num_classes=5, anchor_generator=anchors, min_size=96, max_size=96)


def fcos() -> nn.Module:
    anchors = AnchorGenerator(sizes=((8,),), aspect_ratios=((1.0,),))
    return FCOS(Backbone(), num_classes=5, anchor_generator=anchors, min_size=96, max_size=96)


def ssdlite() -> nn.Module:
    return models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)


def detector(make) -> nn.Module:
    torch.manual_seed(0)
    made = make().eval()
    for name, parameter in made.named_parameters():
        if "head" in name and parameter.ndim == 4:
            nn.init.normal_(parameter, std=0.1)
    return made


def candidates(made: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What torchvision's `postprocess_detections` chooses from, by its own coder, one picture at a time."""
    features = made.backbone(image)
    maps = [features] if isinstance(features, torch.Tensor) else list(features.values())
    found = made.head(maps)
    sizes = [tuple(image.shape[-2:])] * len(image)
    anchors = made.anchor_generator(ImageList(image, sizes), maps)
    boxes = []
    for codes, own in zip(found["bbox_regression"], anchors, strict=True):
        decoded = (
            made.box_coder.decode(codes, own) if isinstance(made, FCOS) else made.box_coder.decode_single(codes, own)
        )
        boxes.append(clip_boxes_to_image(decoded, sizes[0]))
    if isinstance(made, FCOS):
        scores = torch.sqrt(torch.sigmoid(found["cls_logits"]) * torch.sigmoid(found["bbox_ctrness"]))
    elif isinstance(made, RetinaNet):
        scores = torch.sigmoid(found["cls_logits"])
    else:
        scores = torch.nn.functional.softmax(found["cls_logits"], dim=-1)
    return torch.stack(boxes), scores


@pytest.mark.parametrize("make", [ssdlite, retinanet, fcos])
@pytest.mark.parametrize("size", [(96, 96), (64, 96)])
def test_boxes_and_scores_are_torchvisions(make, size) -> None:
    made = detector(make)
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected_boxes, expected_scores = candidates(made, image)
        found = without_suppression(made)(image)
    assert list(found) == ["boxes", "scores"]
    # Two ways to write one sum, in float32 at coordinates up to 96: ten units in the last place.
    torch.testing.assert_close(found["boxes"], expected_boxes, rtol=0, atol=1e-4)
    torch.testing.assert_close(found["scores"], expected_scores, rtol=0, atol=1e-6)


def test_the_picture_is_that_of_the_detectors_own_transform() -> None:
    (spec,) = DetectionHeads(ssdlite()).mobiledeploy_inputs
    assert (spec.name, spec.shape, spec.kind) == ("image", (1, 3, 320, 320), "image")
    assert spec.preprocessing is not None
    assert (spec.preprocessing.mean, spec.preprocessing.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    (spec,) = DetectionHeads(retinanet()).mobiledeploy_inputs
    assert spec.shape == (1, 3, 96, 96)


def test_parameters_keep_their_names() -> None:
    made = ssdlite()
    assert list(DetectionHeads(made).state_dict()) == list(made.state_dict())


def test_other_modules_come_back_as_they_are() -> None:
    module = nn.Linear(2, 2)
    assert without_suppression(module) is module


def test_a_detector_of_two_stages_is_refused_with_what_to_do() -> None:
    made = models.get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights=None, weights_backbone=None)
    with pytest.raises(InputError) as failure:
        without_suppression(made)
    assert failure.value.what.startswith("FasterRCNN has two stages: ")
    assert (failure.value.remedy or "").startswith("Take a detector of one stage (SSD, RetinaNet, FCOS)")
