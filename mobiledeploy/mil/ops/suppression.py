"""Non-maximum suppression of boxes (centre x, centre y, width, height)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel, Opset
from mobiledeploy.mil.size import check_work, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY", "suppress"]

FAMILY = Family("suppression")

Exceeds = Callable[[torch.Tensor, float], torch.Tensor]


@FAMILY.operator("non_maximum_suppression", effect=Effect.SELECTION)
def non_maximum_suppression(call: Call) -> Kernel:
    """boxes (n, B, 4) and scores (n, B, K) of those kept, by falling score, padded with zeros to `max_boxes`; their
    indices (n, max_boxes), padded with -1; their number (n)."""
    select = _selector(call, call.number("score_threshold"))

    def run(boxes: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        indices = select(boxes, scores)
        return _taken(boxes, indices), _taken(scores, indices), indices, (indices >= 0).sum(1, dtype=torch.int32)

    return Kernel(("boxes", "scores"), run)


@FAMILY.operator("non_maximum_suppression", effect=Effect.SELECTION, since=Opset.IOS17)
def non_maximum_suppression_boxes_last(call: Call) -> Kernel:
    """The same with boxes (n, 4, B) and scores (n, K, B), without a score threshold and without the number. An overlap
    that is just the threshold suppresses, unlike what the documentation says, and unlike before iOS 17; but no overlap
    at all never does, with a threshold of 0 either. coremltools' tests of its torch converter record it:
    `test_nms_corner_case_iou_equal_threshold`, and `test_nms` with that threshold."""
    select = _selector(call, -torch.inf, _reaches)

    def run(boxes: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        boxes, scores = boxes.transpose(1, 2), scores.transpose(1, 2)
        indices = select(boxes, scores)
        kept = (_taken(values, indices).transpose(1, 2).contiguous() for values in (boxes, scores))
        return *kept, indices

    return Kernel(("boxes", "scores"), run)


def _reaches(ratio: torch.Tensor, overlap: float) -> torch.Tensor:
    return (ratio >= overlap) & (ratio > 0)


def _selector(
    call: Call, score_threshold: float, exceeds: Exceeds = torch.gt
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """From boxes (n, B, 4) and scores (n, B, K) to the indices kept (n, max_boxes), int32, -1 behind the last."""
    overlap = call.number("iou_threshold")
    (most,) = checked_shape([call.integer("max_boxes")])
    by_class = call.flag("per_class_suppression", False)

    def run(boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        indices = torch.full(checked_shape([boxes.shape[0], most]), -1, dtype=torch.int32)
        for row, (sample, values) in enumerate(zip(boxes, scores, strict=True)):
            best, kinds = values.max(-1)
            groups = kinds if by_class else torch.zeros_like(kinds)
            order = torch.argsort(best, dim=0, descending=True, stable=True)
            # where no score reaches the threshold, Core ML still gives the best box
            passing = order[best[order] > score_threshold] if bool((best > score_threshold).any()) else order[:1]
            kept = suppress(sample, groups, passing, overlap, most, exceeds=exceeds)
            indices[row, : len(kept)] = kept.to(torch.int32)
        return indices

    return run


def suppress(
    boxes: torch.Tensor,
    groups: torch.Tensor,
    order: torch.Tensor,
    overlap: float,
    most: int,
    *,
    exceeds: Exceeds = torch.gt,
) -> torch.Tensor:
    """The first `most` of `order` that overlap none kept before them in their group by what `exceeds` `overlap`."""
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    areas = boxes[:, 2] * boxes[:, 3]
    check_work(len(order), min(len(order), most), 2**10)
    kept: list[torch.Tensor] = []
    while len(order) and len(kept) < most:
        first, order = order[0], order[1:]
        kept.append(first)
        sides = torch.minimum(high[first], high[order]) - torch.maximum(low[first], low[order])
        common = sides.clamp_(min=0).prod(-1)
        ratio = common / (areas[first] + areas[order] - common)
        order = order[~(exceeds(ratio, overlap) & (groups[order] == groups[first]))]
    return torch.stack(kept) if kept else order[:0]


def _taken(values: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """The rows (n, max_boxes, width) at the indices, zeros where there is none."""
    rows = torch.gather(values, 1, indices.clamp(min=0).long().unsqueeze(-1).expand(-1, -1, values.shape[-1]))
    return torch.where((indices >= 0).unsqueeze(-1), rows, torch.zeros((), dtype=values.dtype))
