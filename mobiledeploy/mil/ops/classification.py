"""Class labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY", "Classification"]

FAMILY = Family("classification")


@dataclass(frozen=True)
class Classification:
    """From probabilities to the label of the largest one, and all of them by label."""

    labels: tuple[str | int, ...]

    def __call__(self, probabilities: torch.Tensor) -> tuple[str | int, dict[str | int, float]]:
        index, values = self.ranked(probabilities)
        return self.named(int(index), values.tolist())

    def ranked(self, probabilities: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As tensors: the index of the label, int64 (), and the probabilities (labels)."""
        values = probabilities.reshape(-1)
        if values.numel() != len(self.labels):
            raise ValueError(f"{values.numel()} probabilities for {len(self.labels)} labels")
        return values.argmax(), values

    def named(self, index: int, values: Sequence[float]) -> tuple[str | int, dict[str | int, float]]:
        """The label at `index`, and the probabilities by label."""
        return self.labels[index], dict(zip(self.labels, values, strict=True))


@FAMILY.operator("classify", effect=Effect.MOVEMENT)
def classify(call: Call) -> Kernel:
    """The label of the largest probability, and all probabilities by label. Labels are strings or integers."""
    classes = call.constant("classes")
    if not isinstance(classes, tuple):
        raise call.invalid("parameter 'classes' must be a list")
    labels = [int(label.item()) if isinstance(label, torch.Tensor) else str(label) for label in classes]
    return Kernel(("probabilities",), Classification(tuple(labels)))
