"""Class labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mobiledeploy.mil.operator import Effect, Family, Kernel

if TYPE_CHECKING:
    from mobiledeploy.mil.call import Call

__all__ = ["FAMILY"]

FAMILY = Family("classification")


@FAMILY.operator("classify", effect=Effect.MOVEMENT)
def classify(call: Call) -> Kernel:
    """The label of the largest probability, and all probabilities by label. Labels are strings or integers."""
    classes = call.constant("classes")
    if not isinstance(classes, tuple):
        raise call.invalid("parameter 'classes' must be a list")
    labels = [int(label.item()) if isinstance(label, torch.Tensor) else str(label) for label in classes]

    def run(probabilities: torch.Tensor) -> tuple[str | int, dict[str | int, float]]:
        values = probabilities.reshape(-1)
        if values.numel() != len(labels):
            raise ValueError(f"{values.numel()} probabilities for {len(labels)} labels")
        return labels[int(values.argmax())], dict(zip(labels, values.tolist(), strict=True))

    return Kernel(("probabilities",), run)
