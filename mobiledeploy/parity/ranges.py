"""What the values of a program come to, against what float16 can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from mobiledeploy.mil.model import Model
    from mobiledeploy.mil.program import Operation

__all__ = ["LARGEST_HALF", "SMALLEST_NORMAL_HALF", "ValueRange", "value_ranges"]

LARGEST_HALF = torch.finfo(torch.float16).max
SMALLEST_NORMAL_HALF = torch.finfo(torch.float16).smallest_normal
# From here on a number is rounded to infinity: half a step above the largest one.
_INFINITE = 65520.0


@dataclass(frozen=True)
class ValueRange:
    """`largest`: the largest finite |value|, 0 where there is none; `smallest`: the smallest that is not zero, None
    where there is none. `subnormal`: the share of the nonzero values below float16's smallest normal number, 6.1e-5,
    where it loses bits; those that become zero are among them."""

    largest: float = 0.0
    smallest: float | None = None
    subnormal: float = 0.0

    @property
    def overflows(self) -> bool:
        return self.largest >= _INFINITE

    def joined(self, other: ValueRange) -> ValueRange:
        """Of both; the larger share."""
        known = [value for value in (self.smallest, other.smallest) if value is not None]
        return ValueRange(
            max(self.largest, other.largest), min(known, default=None), max(self.subnormal, other.subnormal)
        )


def value_ranges(model: Model, samples: tuple[Mapping[str, Any], ...]) -> dict[str, ValueRange]:
    """By name, the range of every floating value that the operators of `model` compute, over all `samples`."""
    found: dict[str, ValueRange] = {}

    def look(operation: Operation, outputs: tuple[Any, ...]) -> None:
        for name, value in zip(operation.outputs, outputs, strict=True):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                found[name] = found.get(name, ValueRange()).joined(_range(value))

    for sample in samples:
        model.predict(sample, listener=look)
    return found


def _range(value: torch.Tensor) -> ValueRange:
    sizes = value[torch.isfinite(value)].abs()
    nonzero = sizes[sizes > 0]
    if not nonzero.numel():
        return ValueRange()
    small = int((nonzero < SMALLEST_NORMAL_HALF).sum())
    return replace(ValueRange(float(nonzero.max()), float(nonzero.min())), subnormal=small / nonzero.numel())
