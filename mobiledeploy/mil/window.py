"""Sliding windows: strides, dilations and the padding conventions that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["Pads", "Window", "padding_list", "read_window"]

# (before, after) for each spatial axis
Pads = tuple[tuple[int, int], ...]

_PAD_TYPES = {name: name for name in ("valid", "same", "same_lower", "custom")}


@dataclass(frozen=True)
class Window:
    """Sizes for each spatial axis. `pad_type`: valid, same, same_lower or custom; `pad` is for custom only."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pad_type: str
    pad: Pads

    def padding(self, shape: Sequence[int]) -> Pads:
        """What to pad around an input of shape (N, C, *D).

        `same` pads so that the output has ceil(D / stride) positions; an odd amount has its larger half at the end, for
        `same_lower` at the begin.
        """
        if self.pad_type == "custom":
            return self.pad
        if self.pad_type == "valid":
            return ((0, 0),) * len(self.kernel)
        return tuple(
            self._split(max(0, (-(-size // stride) - 1) * stride + extent - size))
            for size, stride, extent in zip(shape[2:], self.strides, self.extents, strict=True)
        )

    def symmetric_padding(self, shape: Sequence[int | None] | None) -> tuple[int, ...] | None:
        """The padding known before the run and equal on both sides of each axis, or None."""
        if self.pad_type.startswith("same"):
            known = [size for size in shape or () if size is not None]
            if shape is None or len(known) != len(shape):
                return None
            shape = known
        pads = self.padding([size or 0 for size in shape or ()])
        return tuple(before for before, _ in pads) if all(before == after for before, after in pads) else None

    def output_sizes(self, shape: Sequence[int], *, ceil: bool = False) -> list[int]:
        """The number of positions on each spatial axis of an input of shape (N, C, *D). With `ceil` a last, incomplete
        window counts if it begins within the input or the padding before it."""
        sizes = []
        for size, (before, after), extent, stride in zip(
            shape[2:], self.padding(shape), self.extents, self.strides, strict=True
        ):
            room = size + before + after - extent
            count = room // stride + 1
            if ceil and room % stride and count * stride < size + before:
                count += 1
            sizes.append(max(0, count))
        return sizes

    def full_sizes(self, shape: Sequence[int]) -> list[int]:
        """The spatial sizes of the whole transposed convolution of an input of shape (N, C, *D)."""
        axes = zip(shape[2:], self.strides, self.extents, strict=True)
        return [(size - 1) * stride + extent for size, stride, extent in axes]

    def crop(self, size: Sequence[int], full: Sequence[int], wanted: Sequence[int] | None) -> Pads:
        """What to pad around the `full` result of a transposed convolution of an input of `size`: negative amounts."""
        pads = []
        for axis, (length, stride) in enumerate(zip(full, self.strides, strict=True)):
            if self.pad_type.startswith("same"):
                target = wanted[axis] if wanted else size[axis] * stride
                before = self._split(max(0, length - target))[0]
            else:
                before, after = self.pad[axis] if self.pad_type == "custom" else (0, 0)
                target = wanted[axis] if wanted else length - before - after
            pads.append((-before, target - (length - before)))
        return tuple(pads)

    @property
    def extents(self) -> tuple[int, ...]:
        """How far the dilated kernel reaches on each axis."""
        return tuple((size - 1) * step + 1 for size, step in zip(self.kernel, self.dilations, strict=True))

    def _split(self, total: int) -> tuple[int, int]:
        smaller = total // 2
        return (total - smaller, smaller) if self.pad_type == "same_lower" else (smaller, total - smaller)


def read_window(call: Call, kernel: tuple[int, ...]) -> Window:
    """The window of a convolution or pooling call whose kernel has the given sizes. Raises PackageError where the
    parameters do not fit each other."""
    axes = len(kernel)
    ones = (1,) * axes
    pad_type = call.choice("pad_type", _PAD_TYPES, "valid")
    strides, dilations = call.integers("strides", ones), call.integers("dilations", ones)
    pad = call.integers("pad", (0, 0) * axes) if pad_type == "custom" else (0, 0) * axes
    if len(strides) != axes or len(dilations) != axes or len(pad) != 2 * axes:
        raise call.invalid(f"strides, dilations or pad do not fit a kernel of {axes} spatial axes")
    if min(*kernel, *strides, *dilations) < 1:
        raise call.invalid("kernel sizes, strides and dilations must be positive")
    return Window(kernel, strides, dilations, pad_type, tuple(zip(pad[::2], pad[1::2], strict=True)))


def padding_list(pads: Pads) -> list[int]:
    """`pads` as torch's `pad` takes them: from the last axis to the first."""
    return [amount for pair in reversed(pads) for amount in pair]
