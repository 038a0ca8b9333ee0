"""The outputs of an artifact on one sample, held against the reference's."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mobiledeploy.parity.metrics import Distance, bar_rmse, distance
from mobiledeploy.parity.ranking import agreeing_pixels, is_class_map, is_ranking, margin_noise, ranking
from mobiledeploy.parity.runners.runner import DISTINCT_CLASSES, PREDICTED_CLASS, PROBABILITIES
from mobiledeploy.records import OutputParity

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Standard", "compare_outputs"]


@dataclass(frozen=True)
class Standard:
    """What is asked of an output: the type its artifact computes in ("float16", "float32") and the PSNR in dB.

    `sizes`: (height, width) of the pictures that go in; an output of classes at such a size ranks them per pixel.
    """

    precision: str
    bar_db: float
    sizes: frozenset[tuple[int, int]] = frozenset()


def compare_outputs(
    sample: str, expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], standard: Standard
) -> tuple[OutputParity, ...]:
    """One record per output of the reference, in its order.

    A Core ML classifier's predicted label is held to the first output that ranks classes, and its dictionary of
    probabilities stands in for the output that it has replaced in the package.
    """
    ranked = next((name for name, array in expected.items() if is_ranking(array)), None)
    results = []
    for name, reference in expected.items():
        if name in found:
            label = found.get(PREDICTED_CLASS) if name == ranked else None
            result = _compare(name, reference, _scalar_too(reference, found[name]), label, standard)
        elif PROBABILITIES in found and is_ranking(reference):
            distinct = found[DISTINCT_CLASSES]
            result = _compare(name, reference[:, distinct], found[PROBABILITIES], None, standard)
        else:
            result = _missing(name, found)
        results.append(dataclasses.replace(result, input=sample))
    return tuple(results)


def _missing(name: str, found: Mapping[str, NDArray[Any]]) -> OutputParity:
    special = (PREDICTED_CLASS, PROBABILITIES, DISTINCT_CLASSES)
    has = ", ".join(f"`{other}`" for other in found if other not in special) or "none"
    reason = f"the artifact gives no output `{name}`; its tensors: {has}"
    return OutputParity("", name, -math.inf, math.inf, math.inf, 0.0, passed=False, reason=reason)


def _scalar_too(reference: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Core ML has no outputs of rank 0: a scalar comes as shape (1,)."""
    return value.reshape(()) if reference.ndim == 0 and value.shape == (1,) else value


def _compare(
    name: str, reference: NDArray[Any], value: NDArray[Any], label: NDArray[Any] | None, standard: Standard
) -> OutputParity:
    measured = distance(reference, value)
    reason = _distant(reference, value, measured, standard)
    result = OutputParity(
        "", name, measured.psnr_db, measured.max_absolute, measured.max_relative, measured.cosine, reason=reason
    )
    if is_ranking(reference) and math.isfinite(measured.rmse):
        noise = margin_noise(reference, standard.precision, measured.rmse, bar_rmse(reference, standard.bar_db))
        result = _ranked(result, reference, value, label, noise)
    if is_class_map(reference, standard.sizes) and math.isfinite(measured.rmse):
        result = dataclasses.replace(result, pixels=agreeing_pixels(reference, value))
    return dataclasses.replace(result, passed=result.reason is None)


def _distant(reference: NDArray[Any], value: NDArray[Any], measured: Distance, standard: Standard) -> str | None:
    if reference.shape != value.shape:
        return f"its shape is {value.shape}, the original's {reference.shape}"
    if not np.isfinite(value).all():
        kind, broken = ("NaN", np.isnan(value)) if np.isnan(value).any() else ("infinite", np.isinf(value))
        return f"{np.count_nonzero(broken)} of its {value.size} values are {kind}"
    if measured.psnr_db < standard.bar_db:
        return f"its PSNR of {measured.psnr_db:.1f} dB is below {standard.bar_db:g} dB"
    return None


def _ranked(
    result: OutputParity, reference: NDArray[Any], value: NDArray[Any], label: NDArray[Any] | None, noise: float
) -> OutputParity:
    """`result` with the agreement of the rankings, and with a reason where they had to agree and do not."""
    ranks = ranking(reference, value, noise)
    labelled = label is None or int(np.argmax(reference[0])) in label
    reason = result.reason
    if reason is None and ranks.margin_decides and not ranks.top1:
        wanted, found = np.argmax(reference, axis=1).tolist(), np.argmax(value, axis=1).tolist()
        reason = f"its best class is {found}, the original's {wanted}, which leads by more than rounding explains"
    elif reason is None and ranks.margin_decides and not labelled:
        wanted, found = int(np.argmax(reference[0])), [] if label is None else label.tolist()
        reason = f"its predicted label is that of class {found}, the original's best class is {wanted}"
    return dataclasses.replace(
        result, top1=ranks.top1 and labelled, top5=ranks.top5, margin_decides=ranks.margin_decides, reason=reason
    )
