"""The original model as the reference: its own code, its float32 weights, its outputs rounded to float32.

It is run in float64. A float32 run differs in the last digits from one processor to the next, with its instruction set
and its number of threads; a float64 run rounded to float32 does not, so that every machine keeps the same reference.
Both are the same model: they are 1e-6 apart, 120 dB, where the float32 parity bar is 90 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from mobiledeploy.sources.caches import forget

if TYPE_CHECKING:
    from mobiledeploy.aten.prepare import PreparedModule

__all__ = ["original_runner"]

Arrays = tuple[NDArray[np.generic], ...]


def original_runner(prepared: PreparedModule) -> Callable[[Arrays], Arrays]:
    """A function from one array per input to one float32 (or integer, boolean) array per output."""

    def run(arrays: Arrays) -> Arrays:
        inputs = [torch.from_numpy(np.array(array)) for array in arrays]
        return tuple(_rounded(value).numpy() for value in _outputs(prepared, inputs))

    return run


def _outputs(prepared: PreparedModule, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        forget(prepared)
        try:
            wide: tuple[torch.Tensor, ...] = prepared.double()(*(_wide(x) for x in inputs))
            return wide
        except RuntimeError:
            # Code that insists on float32, by making a float32 tensor of its own for a matrix product, say.
            forget(prepared)
            return prepared.float()(*inputs)  # type: ignore[no-any-return]
        finally:
            prepared.float()
            forget(prepared)


def _wide(x: torch.Tensor) -> torch.Tensor:
    return x.double() if x.is_floating_point() else x


def _rounded(x: torch.Tensor) -> torch.Tensor:
    return x.float() if x.is_floating_point() else x
