"""One artifact held against the reference: every output, on every sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import InputError, PackageError
from mobiledeploy.parity.comparison import Standard, compare_outputs
from mobiledeploy.parity.drift import drift
from mobiledeploy.parity.pixels import channel_order, is_picture
from mobiledeploy.parity.runners.table import runner_named
from mobiledeploy.records import InputSpec, OutputParity, ParityReport

if TYPE_CHECKING:
    from mobiledeploy.parity.reference import Reference

__all__ = ["BARS_DB", "bar_for", "check", "standard_for"]

BARS_DB = {"float16": 40.0, "float32": 90.0, "mixed": 40.0}
"""PSNR in dB that a right conversion reaches. fp16 has 11 significant bits: rounding a value leaves at least
66 dB, and fastvit_t8, mobilevit_xxs and mixer_s32 as a whole 64 to 73; an error of 1 % of the peak, 40 dB, has a cause.
float32 has 24 bits: rounding leaves at least 144 dB, and the same models in another order of summation 134 or more."""


def bar_for(precision: str) -> float:
    """The default bar in dB. Raises InputError for an unknown precision."""
    if precision not in BARS_DB:
        known = ", ".join(BARS_DB)
        raise InputError(f"no parity bar is known for precision {precision!r}", remedy=f"Use one of {known}.")
    return BARS_DB[precision]


def standard_for(inputs: tuple[InputSpec, ...], precision: str, bar_db: float | None = None) -> Standard:
    """What is asked of the outputs of an artifact with these inputs. Raises InputError for an unknown precision."""
    sizes = frozenset((spec.shape[-2], spec.shape[-1]) for spec in inputs if is_picture(spec))
    return Standard(precision, bar_for(precision) if bar_db is None else bar_db, sizes)


def check(
    artifact_path: Path,
    reference: Reference,
    inputs: tuple[InputSpec, ...],
    *,
    runner: str,
    precision: str,
    bar_db: float | None = None,
    drift_bar_db: float | None = None,
    function: str | None = None,
) -> ParityReport:
    """Runs the artifact on the reference's samples and compares every output that the reference has.

    An output passes at a PSNR of `bar_db` (default: `BARS_DB[precision]`) or more, if all of it is finite, and if the
    best class is the reference's wherever the reference is certain of it (`ranking.margin_noise`). Missing outputs
    fail; further outputs of the artifact are not looked at. Where the reference has `originals`, the distance from them
    is the report's `drift`, of which nothing is asked but a PSNR of `drift_bar_db`, if that is given.

    `function`: which one of a package of several; its default one when None.

    Raises InputError for an unknown runner or precision, PackageError if the reference's samples are not of these
    inputs, and what the runner raises: PackageError, HostError, UnsupportedError.
    """
    _check_fits(reference, inputs)
    standard = standard_for(inputs, precision, bar_db)
    predict = runner_named(runner).open(artifact_path, inputs, function)
    results: list[OutputParity] = []
    drifts: list[OutputParity] = []
    for index, sample in enumerate(reference.samples):
        found = predict(sample.arrays)
        results += compare_outputs(sample.name, reference.outputs[index], found, standard)
        if reference.originals:
            drifts += drift(sample.name, reference.originals[index], found, standard, drift_bar_db)
    return ParityReport(
        artifact=artifact_path.name,
        runner=runner,
        precision=precision,
        bar_db=standard.bar_db,
        psnr_db=min((result.psnr_db for result in results), default=math.inf),
        passed=all(result.passed for result in [*results, *drifts]),
        outputs=tuple(results),
        drift=tuple(drifts),
    )


def _check_fits(reference: Reference, inputs: tuple[InputSpec, ...]) -> None:
    wanted = {spec.name: _sample_shape(spec) for spec in inputs}
    for sample in reference.samples:
        found = {name: array.shape for name, array in sample.arrays.items()}
        if found != wanted:
            raise PackageError(
                f"the reference's sample {sample.name!r} has the inputs {_listed(found)}; the model takes "
                f"{_listed(wanted)}",
                remedy="Export the model again: artifact and reference belong together.",
            )


def _sample_shape(spec: InputSpec) -> tuple[int, ...]:
    if spec.kind == "tensor":
        return spec.shape
    height, width = spec.shape[-2:]
    return (height, width) if channel_order(spec) == "GRAYSCALE" else (height, width, 3)


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items()) or "none"
