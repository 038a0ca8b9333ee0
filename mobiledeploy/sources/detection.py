"""torchvision's one-stage detectors as a phone wants them: boxes and scores of every anchor, before suppression.

    image ── backbone ── head ──┬── codes ── decoded by the anchors ── clipped ──▶ boxes   (N, anchors, 4)
                                └── logits ── softmax or sigmoid ────────────────▶ scores  (N, anchors, classes)

Choosing among them (a threshold, the best per class, non-maximum suppression) gives as many boxes as there are objects:
no static graph holds that, and an app does it in a millisecond. Up to there the arithmetic is torchvision's own
(`postprocess_detections` of torchvision/models/detection/ssd.py, retinanet.py and fcos.py). Two-stage detectors choose
in their middle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mobiledeploy.errors import InputError
from mobiledeploy.records import InputSpec, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DetectionHeads", "is_detector", "without_suppression"]

_ONE_STAGE = ("SSD", "RetinaNet", "FCOS")


def is_detector(module: nn.Module) -> bool:
    """Whether `module` is one of torchvision's detectors, which take lists of pictures and return lists of objects."""
    return any(
        kind.__module__.startswith("torchvision.models.detection.")
        and kind.__name__ in (*_ONE_STAGE, "GeneralizedRCNN")
        for kind in type(module).__mro__
    )


def without_suppression(module: nn.Module) -> nn.Module:
    """A detector as `DetectionHeads`; any other module as it is. Raises InputError for a two-stage detector."""
    if not is_detector(module):
        return module
    if not any(kind.__name__ in _ONE_STAGE for kind in type(module).__mro__):
        raise InputError(
            f"{type(module).__name__} has two stages: it chooses regions by their scores in its middle, which no "
            "static graph can hold",
            remedy=f"Take a detector of one stage ({', '.join(_ONE_STAGE)}), or export its `backbone` by a factory.",
        )
    return DetectionHeads(module)


class DetectionHeads(nn.Module):
    """One of torchvision's SSD, RetinaNet or FCOS, without its suppression. Its parameters keep their names.

    Takes (N, 3, H, W) float32, normalized as the detector's own `transform` does. Returns `boxes` (N, A, 4), the
    corners x1, y1, x2, y2 in pixels of the input, inside of it, and `scores` (N, A, K) in 0..1, of SSD with the
    background as class 0.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head
        self.kind = next(base.__name__ for base in type(detector).__mro__ if base.__name__ in _ONE_STAGE)
        # Neither has parameters; outside of the module's children the state's names stay the detector's.
        self._anchors, self._coder = (detector.anchor_generator,), detector.box_coder
        self.mobiledeploy_inputs = (_input(detector.transform),)
        self.eval()

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.backbone(image)
        maps = [features] if isinstance(features, torch.Tensor) else list(features.values())
        found = self.head(maps)
        boxes = self._decoded(found["bbox_regression"], self._anchors_for(image, maps))
        return {"boxes": _clipped(boxes, image.shape[-2:]), "scores": self._scores(found)}

    def _anchors_for(self, image: torch.Tensor, maps: list[torch.Tensor]) -> torch.Tensor:
        """(A, 4) corners; they depend on sizes alone, so that the rewriting computes them once."""
        from torchvision.models.detection.image_list import ImageList

        height, width = image.shape[-2:]
        anchors: torch.Tensor = self._anchors[0](ImageList(image, [(height, width)]), maps)[0]
        return anchors.to(image.dtype)

    def _decoded(self, codes: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        sizes = anchors[:, 2:] - anchors[:, :2]
        centres = anchors[:, :2] + 0.5 * sizes
        if self.kind == "FCOS":
            scale = sizes.repeat(1, 2) if self._coder.normalize_by_size else 1.0
            signs = codes.new_tensor([-1.0, -1.0, 1.0, 1.0])
            return centres.repeat(1, 2) + codes * (signs * scale)
        x, y, width, height = self._coder.weights
        moved = codes[..., :2] * (sizes / sizes.new_tensor([x, y])) + centres
        logarithms = (codes[..., 2:] / sizes.new_tensor([width, height])).clamp(max=self._coder.bbox_xform_clip)
        half = torch.exp(logarithms) * (0.5 * sizes)
        return torch.cat([moved - half, moved + half], dim=-1)

    def _scores(self, found: dict[str, torch.Tensor]) -> torch.Tensor:
        logits = found["cls_logits"]
        if self.kind == "SSD":
            return logits.softmax(-1)
        if self.kind == "FCOS":
            return (logits.sigmoid() * found["bbox_ctrness"].sigmoid()).sqrt()
        return logits.sigmoid()


def _clipped(boxes: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    height, width = size
    if height == width:
        return boxes.clamp(0, width)
    return torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))


def _input(transform: Any) -> InputSpec:
    """One picture of the size that the detector brings pictures to; a square of its shorter side where that is
    a range."""
    fixed = getattr(transform, "fixed_size", None)
    width, height = fixed or (transform.min_size[-1],) * 2
    divisor = 1 if fixed else transform.size_divisible
    shape = (1, 3, *(math.ceil(side / divisor) * divisor for side in (height, width)))
    known = Preprocessing(mean=tuple(transform.image_mean), std=tuple(transform.image_std))
    return InputSpec("image", shape, kind="image", preprocessing=known)
