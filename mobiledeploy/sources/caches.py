"""What a module remembers of its own weights from one run to the next.

Some modules keep what they compute of their parameters in eval mode, as LeViT its attention biases by device, and
forget it when they are put into training mode (the pattern of the LeViT authors' code, which timm and transformers
follow). After weights or their type have changed such a memory is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["forget"]


def forget(module: nn.Module) -> None:
    """Leaves `module` in eval mode, with nothing remembered from before."""
    module.train()
    module.eval()
