"""Sampling of images (B, C, H, W) at arbitrary points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Family, Kernel, Opset
from mobiledeploy.mil.sampling import GRIDS, interpolate
from mobiledeploy.mil.size import check_places, checked_shape

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("resampling")

# (coordinates, size of the axis) to pixels of that axis
Fold = Callable[[torch.Tensor, int], torch.Tensor]


def _reflected(points: torch.Tensor, size: int) -> torch.Tensor:
    """Mirrored at the middles of the first and last pixel."""
    if size == 1:
        return torch.zeros_like(points)
    folded = points.abs().remainder(2 * (size - 1))
    return torch.minimum(folded, 2 * (size - 1) - folded)


def _mirrored(points: torch.Tensor, size: int) -> torch.Tensor:
    """Mirrored at the outer edges of the first and last pixel."""
    folded = (points + 0.5).abs().remainder(2 * size)
    return torch.minimum(folded, 2 * size - folded) - 0.5


_PADDING: dict[str, Fold | None] = {
    "constant": None,
    "border": lambda points, size: points.clamp(0, size - 1),
    "reflection": _reflected,
    "symmetric": _mirrored,
}


def _from_unit(points: torch.Tensor, size: int, align: bool) -> torch.Tensor:
    """0 and 1 are the middles of the first and last pixel (`align`) or their outer edges."""
    return points * (size - 1) if align else points * size - 0.5


_COORDINATES: dict[str, Callable[[torch.Tensor, int, bool], torch.Tensor]] = {
    "unnormalized": lambda points, _size, _align: points,
    "normalized_minus_one_to_one": lambda points, size, align: _from_unit((points + 1) / 2, size, align),
    "normalized_zero_to_one": _from_unit,
}


@FAMILY.operator("resample")
def resample(call: Call) -> Kernel:
    """x at `coordinates` (B, H', W', 2), each (x, y)."""
    sample = _sampler(call)
    return Kernel(("x", "coordinates"), lambda x, coordinates: sample(x, coordinates.to(torch.float32)))


@FAMILY.operator("affine")
def affine(call: Call) -> Kernel:
    """x at (a0 x + a1 y + a2, b0 x + b1 y + b2) for each point (x, y) of a grid from -1 to 1; matrices (B or 1, 6)."""
    sample = _sampler(call)
    height, width = checked_shape([call.integer("output_height"), call.integer("output_width")])
    rows, columns = torch.linspace(-1, 1, height).reshape(-1, 1), torch.linspace(-1, 1, width)
    ones = torch.ones(height, width)
    grid = torch.stack((columns.expand(height, width), rows.expand(height, width), ones), -1)

    def run(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        matrices = matrix.reshape(-1, 1, 2, 3).expand(x.shape[0], 1, 2, 3)
        return sample(x, torch.matmul(grid, matrices.transpose(-1, -2)))

    return Kernel(("x", "transform_matrix"), run)


def _sampler(call: Call) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    fold = call.choice("padding_mode", _PADDING)
    to_pixels = call.choice("coordinates_mode", _COORDINATES)
    bilinear = call.choice("sampling_mode", {"bilinear": True, "nearest": False})
    align, value = call.flag("align_corners"), call.number("padding_value")

    def run(x: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
        columns, rows = (to_pixels(coordinates[..., i], x.shape[3 - i], align) for i in range(2))
        if fold is not None:
            columns, rows = fold(columns, x.shape[3]), fold(rows, x.shape[2])
        if not bilinear:
            return _pixels(x, rows.round(), columns.round(), value, clamp=fold is not None)
        return _bilinear(x, rows, columns, value, clamp=fold is not None)

    return run


def _bilinear(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, value: float, *, clamp: bool) -> torch.Tensor:
    top, left = rows.floor(), columns.floor()
    down, right = (rows - top).unsqueeze(1), (columns - left).unsqueeze(1)
    corners = [[_pixels(x, top + i, left + j, value, clamp=clamp) for j in range(2)] for i in range(2)]
    upper, lower = (torch.lerp(first, second, right) for first, second in corners)
    return torch.lerp(upper, lower, down)


def _pixels(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, value: float, *, clamp: bool) -> torch.Tensor:
    """The pixels (B, C, H', W') at whole coordinates (B, H', W'), `value` outside unless they are clamped."""
    height, width = x.shape[2:]
    checked_shape((*x.shape[:2], *rows.shape[1:]))
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    batch = torch.arange(x.shape[0]).reshape(-1, 1, 1)
    picked = x[batch, :, rows.clamp(0, height - 1).long(), columns.clamp(0, width - 1).long()].movedim(-1, 1)
    return picked if clamp else torch.where(inside.unsqueeze(1), picked, torch.tensor(value, dtype=x.dtype))


_BOXES: dict[str, tuple[bool, bool]] = {
    # (width first, centre and size instead of corners)
    "CORNERS_HEIGHT_FIRST": (False, False),
    "CORNERS_WIDTH_FIRST": (True, False),
    "CENTER_SIZE_HEIGHT_FIRST": (False, True),
    "CENTER_SIZE_WIDTH_FIRST": (True, True),
}


@FAMILY.operator("crop_resize")
def crop_resize(call: Call) -> Kernel:
    """For each box of `roi` (N, 1, 4, 1, 1) all images, for (N, 1, 5, 1, 1) the one its first entry names, resized:
    (N, B or 1, C, height, width). Points outside the image take the nearest pixel."""
    return _crop_resize_rois(call, None)


@FAMILY.operator("crop_resize", since=Opset.IOS16)
def crop_resize_padded(call: Call) -> Kernel:
    """Points outside the image take `pad_value`."""
    return _crop_resize_rois(call, call.number("pad_value", 0.0))


@FAMILY.operator("crop_resize", since=Opset.IOS17)
def crop_resize_boxes(call: Call) -> Kernel:
    """For each of `boxes` (N, 4) the image that `box_indices` (N) names: (N, C, height, width)."""
    crop, targets = _cropper(call, call.number("pad_value", 0.0)), _targets(call)

    def run(x: torch.Tensor, boxes: torch.Tensor, indices: torch.Tensor | None = None) -> torch.Tensor:
        checked_shape([check_places(len(boxes)), x.shape[1], *targets])
        places = torch.arange(len(boxes)) if indices is None else indices.long()
        return torch.stack([crop(x[place], box) for place, box in zip(places.tolist(), boxes.float(), strict=True)])

    return Kernel(call.present("x", "boxes", "box_indices"), run)


def _crop_resize_rois(call: Call, pad_value: float | None) -> Kernel:
    crop, targets = _cropper(call, pad_value), _targets(call)

    def run(x: torch.Tensor, roi: torch.Tensor) -> torch.Tensor:
        checked_shape([check_places(len(roi)), *x.shape[:2], *targets])
        results = []
        for box in roi.reshape(roi.shape[0], roi.shape[2]):
            image = x if len(box) == 4 else x[int(box[0])].unsqueeze(0)
            results.append(crop(image, box[-4:]))
        return torch.stack(results)

    return Kernel(("x", "roi"), run)


def _targets(call: Call) -> list[int]:
    return checked_shape([call.integer("target_height", 1), call.integer("target_width", 1)])


def _cropper(call: Call, pad_value: float | None) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """(*D, H, W) and a box (4,) to (*D, height, width)."""
    width_first, centred = call.choice("box_coordinate_mode", _BOXES, "CORNERS_HEIGHT_FIRST")
    grid = call.choice("sampling_mode", GRIDS, "DEFAULT")
    normalized, scale = call.flag("normalized_coordinates", False), call.number("spatial_scale", 1.0)
    targets = _targets(call)

    def run(x: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
        first, second = box[:2].double(), box[2:].double()
        if centred:
            first, second = first - second / 2, first + second / 2
        if width_first:
            first, second = first.flip(0), second.flip(0)
        for axis, target in enumerate(targets, x.dim() - 2):
            side = axis - x.dim() + 2
            size = x.shape[axis]
            factor = scale * (size - 1 if normalized else 1)
            checked_shape([*x.shape[:axis], target, *x.shape[axis + 1 :]])
            start, end = float(first[side]) * factor, float(second[side]) * factor
            x = _along(x, axis, _box_points(grid, start, end, target), pad_value)
        return x

    return run


def _box_points(grid: Callable[[int, int], torch.Tensor], start: float, end: float, target: int) -> torch.Tensor:
    """The grid over the elements from `start` to `end`, which need not be whole: the modes are linear in the length."""
    unit = [grid(size, target) for size in (1, 2)]
    return start + unit[0] + (unit[1] - unit[0]) * (end - start)


def _along(x: torch.Tensor, axis: int, points: torch.Tensor, pad_value: float | None) -> torch.Tensor:
    # the last bit of a coordinate must not decide whether a point on the border is inside
    inside = (points > -1e-6) & (points < x.shape[axis] - 1 + 1e-6)
    result = interpolate(x, axis, points)
    if pad_value is None:
        return result
    shape = (-1, *(1,) * (x.dim() - 1 - axis))
    return torch.where(inside.reshape(shape), result, torch.tensor(pad_value, dtype=x.dtype))
