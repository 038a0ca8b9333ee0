"""A package looked into, operator by operator: where it leaves the original, what float16 does to it, what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobiledeploy.mil.dtype import DataType
from mobiledeploy.parity.blend import blend_of, dtype_of
from mobiledeploy.parity.divergence import SideBySide, side_by_side
from mobiledeploy.parity.origins import source_lines
from mobiledeploy.parity.ranges import LARGEST_HALF, ValueRange
from mobiledeploy.pipeline.mixing import Search, kept_operators, search
from mobiledeploy.records import Diagnosis, MixedPrecision, OperatorDiagnosis

if TYPE_CHECKING:
    from pathlib import Path

    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.blend import Pair
    from mobiledeploy.parity.noise import Rounding
    from mobiledeploy.parity.trial import Trial
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import ParityReport

__all__ = ["Subject", "examine"]

_FARTHEST_DB = 200.0


@dataclass(frozen=True, eq=False)
class Subject:
    """`report`: of `package`, with its first diverging operator. `trial`: its float16 form next to its float32 form,
    which `half_report` is of. `program`: what it was converted from, None where that cannot be had: `note` then says
    why."""

    name: str
    package: Path
    report: ParityReport
    trial: Trial
    half_report: ParityReport
    program: Program | None
    note: str | None = None


def examine(subject: Subject, progress: Progress) -> Diagnosis:
    half = subject.half_report
    found = search(subject.trial, half.bar_db, progress, needed=not half.passed)
    kept_db = half.psnr_db if half.passed else found.sensitivity.psnr_db
    sides = side_by_side(subject.package, found.sample, subject.program)
    lines = {} if subject.program is None else source_lines(subject.trial.blend, subject.program)
    mixed = _mixed(subject, found, lines)
    operators = _sorted(_operators(sides, subject.trial, found, lines), subject.report.bar_db)
    return Diagnosis(
        subject.name,
        subject.program is not None,
        subject.note,
        subject.report,
        found.sample.name,
        tuple(operators),
        mixed,
        kept_db,
        _advice(subject, mixed, kept_db),
    )


def _mixed(subject: Subject, found: Search, lines: Mapping[str, str]) -> MixedPrecision | None:
    kept = found.sensitivity.kept
    if kept is None:
        return None
    blend = subject.trial.blend
    operators = kept_operators(blend, kept, found.ranges, lines)
    return MixedPrecision(subject.report.artifact, len(blend.choices), operators, found.sensitivity.minimal)


def _operators(sides: SideBySide, trial: Trial, found: Search, lines: Mapping[str, str]) -> Iterable[OperatorDiagnosis]:
    """Of every operator of the package, known by the names of its float32 form."""
    blend = blend_of(sides.model.function, trial.blend.full.function)
    powers = _powers(found.roundings)
    for pair in blend.pairs:
        before, after = sides.around(pair.half)
        known = _range(pair, found.ranges)
        yield OperatorDiagnosis(
            pair.full.type,
            pair.half.outputs[0],
            after,
            before,
            in_float16=any(dtype_of(kind) is DataType.FLOAT16 for kind in pair.half.output_types),
            largest=None if known is None else known.largest,
            smallest=None if known is None else known.smallest,
            subnormal=0.0 if known is None else known.subnormal,
            headroom=LARGEST_HALF / known.largest if known is not None and known.largest else None,
            rounding_db=_decibels(powers.get(pair.name)),
            line=lines.get(pair.name),
        )


def _powers(roundings: Iterable[Rounding]) -> dict[str, float]:
    powers: dict[str, float] = {}
    for rounding in roundings:
        powers[rounding.maker] = powers.get(rounding.maker, 0.0) + rounding.power
    return powers


def _range(pair: Pair, ranges: Mapping[str, ValueRange]) -> ValueRange | None:
    known = [ranges[name] for name in pair.full.outputs if name in ranges]
    return None if not known else known[0] if len(known) == 1 else _joined(known)


def _joined(ranges: list[ValueRange]) -> ValueRange:
    whole = ranges[0]
    for other in ranges[1:]:
        whole = whole.joined(other)
    return whole


def _decibels(power: float | None) -> float | None:
    if power is None:
        return None
    return math.inf if power == 0.0 else -10.0 * math.log10(power) if math.isfinite(power) else -math.inf


def _sorted(operators: Iterable[OperatorDiagnosis], bar_db: float) -> list[OperatorDiagnosis]:
    """Those with good values in and bad ones out first, in the order of the program; then by how much worse it gets."""

    def place(row: OperatorDiagnosis) -> tuple[bool, float]:
        turns = row.input_psnr_db >= bar_db > row.psnr_db
        return not turns, 0.0 if turns else _bounded(row.psnr_db) - _bounded(row.input_psnr_db)

    return sorted(operators, key=place)


def _bounded(psnr_db: float) -> float:
    return max(-_FARTHEST_DB, min(_FARTHEST_DB, psnr_db))


def _advice(subject: Subject, mixed: MixedPrecision | None, psnr_db: float) -> str:
    report = subject.report
    if subject.program is None and report.precision == "float32":
        return "It computes in float32: what float16 would do to it shows when its model is exported again."
    if mixed is None:
        return _not_precision(subject, psnr_db)
    if not mixed.kept:
        return _float16_suffices(subject)
    wanted = f"{len(mixed.kept)} of {mixed.operators} operators in float32"
    if report.passed:
        text = f"Parity holds. In float16 alone it would not: that takes {wanted} ({psnr_db:.1f} dB), "
        return f"{text}--precision mixed."
    if subject.program is None:
        how = "convert it again with these operators in float32 (coremltools: FP16ComputePrecision with an op_selector)"
    else:
        how = "export with --precision mixed"
    return f"Float16 is the cause: {how}; {wanted} suffice for {psnr_db:.1f} dB."


def _float16_suffices(subject: Subject) -> str:
    report = subject.report
    if not report.passed:
        return f"Float16 is not the cause: in float16 it reaches its bar, in {report.precision} it does not."
    if subject.program is None:
        return "Parity holds: nothing that is in float16 has to be in float32."
    if report.precision == "float16":
        return "Parity holds in float16: nothing has to be in float32."
    return f"Parity holds, and in float16 it would hold, too: --precision {report.precision} is not needed."


def _not_precision(subject: Subject, psnr_db: float) -> str:
    found = subject.report.divergence
    first = f": look at {found.operator} `{found.output}`{f', {found.line}' if found.line else ''}" if found else ""
    return (
        f"Float16 is not the only cause: with every operator in float32 the PSNR is {psnr_db:.1f} dB, and the bar is "
        f"{subject.half_report.bar_db:g} dB{first}."
    )
