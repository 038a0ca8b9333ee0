"""How far approximations have moved a model: its outputs against those of the original as it was.

Nothing is wrong with a drift: it is what was asked for, and is measured so that one knows. A flip of the best class
counts however small its margin was, for no rounding excuses it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mobiledeploy.parity.comparison import Standard, compare_outputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mobiledeploy.records import OutputParity

__all__ = ["drift"]


def drift(
    sample: str,
    original: Mapping[str, NDArray[Any]],
    found: Mapping[str, NDArray[Any]],
    standard: Standard,
    bar_db: float | None,
) -> tuple[OutputParity, ...]:
    """One record per output of `original`, the unchanged model's. A record fails only below `bar_db` (PSNR in dB), if
    that is given; the bar of `standard` is for the approximated model."""
    # No PSNR reaches infinity but that of equal outputs, so that no noise is allowed to a ranking.
    measured = compare_outputs(sample, original, found, replace(standard, bar_db=math.inf))
    return tuple(_judged(output, bar_db) for output in measured)


def _judged(output: OutputParity, bar_db: float | None) -> OutputParity:
    passed = bar_db is None or output.psnr_db >= bar_db
    reason = (
        None if passed else f"the approximations leave it {output.psnr_db:.1f} dB of the original, below {bar_db:g} dB"
    )
    return replace(output, passed=passed, reason=reason, margin_decides=True)
