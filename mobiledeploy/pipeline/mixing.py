"""A package in float16 with the fewest operators in float32 that parity needs.

convert in float16 ──check──▶ equal: done
                       └────▶ convert in float32, side by side ──▶ find the operators ──▶ convert again ──check──▶ done
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobiledeploy.errors import ParityError, TargetError, UnsupportedError
from mobiledeploy.mil.loading import load
from mobiledeploy.parity.blend import Blend, blend_of, widened
from mobiledeploy.parity.check import standard_for
from mobiledeploy.parity.origins import source_lines
from mobiledeploy.parity.ranges import ValueRange, value_ranges
from mobiledeploy.parity.sensitivity import Sensitivity, smallest_float32_set
from mobiledeploy.parity.trial import Trial, feeds_of
from mobiledeploy.pipeline.diverging import worst_sample
from mobiledeploy.records import KeptOperator, MixedPrecision, ParityReport
from mobiledeploy.targets.target import ALL_KEPT, ALL_ROUNDED, Mixture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.noise import Rounding
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.parity.samples import Sample
    from mobiledeploy.pipeline.capturing import Captured
    from mobiledeploy.pipeline.stages import Stages
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import ExportOptions, InputSpec
    from mobiledeploy.targets.target import ConversionOptions, Target

__all__ = ["Search", "check_request", "convert_half", "convert_mixed", "kept_operators", "open_trial", "search"]


@dataclass(frozen=True, eq=False)
class Search:
    """What was found out about a program in float16. `sample`: the one on which the roundings were measured."""

    sample: Sample
    roundings: tuple[Rounding, ...]
    ranges: Mapping[str, ValueRange]
    sensitivity: Sensitivity


def check_request(options: ExportOptions, targets: Sequence[Target]) -> None:
    """Before any work. Raises UnsupportedError where mixed precision was asked for and cannot be had."""
    if options.precision != "mixed":
        return
    for target in targets:
        target.check_mixtures()
    if options.flexible:
        raise UnsupportedError(
            "mixed precision is found for one size of pictures only",
            where="--precision mixed with --flexible",
            remedy="Export each size by itself with --resolution, or use --precision float32.",
        )


def convert_mixed(
    target: Target,
    captured: Captured,
    *,
    conversion: ConversionOptions,
    path: Path,
    check: Callable[[Path, str], ParityReport],
    stages: Stages,
) -> tuple[ParityReport, MixedPrecision]:
    """Writes the package at `path`. `check` holds a package, said to be in the precision given, against the original.

    Where float16 suffices it is the float16 package. Raises ParityError where nothing suffices, and as
    `Target.convert` does.
    """
    program = captured.rewritten.program
    convert_half(target, program, conversion, path, stages)
    with stages(f"check {target.name}", f"Executing the {target.name} program and comparing"):
        report = check(path, "float16")
    with tempfile.TemporaryDirectory(prefix=".mixed-", dir=path.parent) as scratch:
        half = path if report.passed else path.rename(Path(scratch) / f"half{target.suffix}")
        if report.passed:
            function = load(path).function
            mixed = _mixture(path, blend_of(function, widened(function)), (), program)
            return (replace(report, precision="mixed") if mixed.kept else report), mixed
        with stages(f"convert {target.name}", f"Converting for {target.name} in float32"):
            full = Path(scratch) / f"full{target.suffix}"
            target.convert(program, replace(conversion, mixture=ALL_KEPT), full)
        with stages("mix", "Finding what has to stay in float32"):
            trial = open_trial(half, full, reference=captured.reference, inputs=captured.inputs, report=report)
            found = search(trial, report, stages.progress)
    kept = found.sensitivity.kept
    if kept is None:
        raise _insufficient(report, found.sensitivity, trial.blend)
    with stages(f"convert {target.name}", f"Converting for {target.name} with {len(kept)} operators in float32"):
        mixture = Mixture(frozenset(kept), frozenset(trial.blend.choices) - frozenset(kept))
        target.convert(program, replace(conversion, mixture=mixture), path)
    with stages(f"check {target.name}", f"Executing the {target.name} program and comparing"):
        report = check(path, "mixed")
    return report, _mixture(path, trial.blend, kept, program, found)


def convert_half(target: Target, program: Program, conversion: ConversionOptions, path: Path, stages: Stages) -> None:
    """In float16, also with weights that are refused there: they stay in float32 or become infinite."""
    with stages(f"convert {target.name}", f"Converting for {target.name}"):
        try:
            target.convert(program, conversion, path)
        except TargetError:
            # what has another reason is raised again, by this
            target.convert(program, replace(conversion, mixture=ALL_ROUNDED), path)


def open_trial(
    half: Path,
    full: Path,
    *,
    reference: Reference,
    inputs: tuple[InputSpec, ...],
    report: ParityReport,
    function: str | None = None,
) -> Trial:
    """The packages `half` and `full` side by side, to be held against what `report` was held against."""
    model = load(half, function)
    blend = blend_of(model.function, load(full, function).function)
    return Trial(blend, model, inputs, reference, standard_for(inputs, "mixed", report.bar_db))


def search(trial: Trial, report: ParityReport, progress: Progress, *, needed: bool = True) -> Search:
    """The smallest set of operators to keep in float32, found where `report`, on the float16 program, came off worst;
    where it is not `needed`, because that one passes, nothing."""
    sample = worst_sample(report, trial.reference)
    progress.step("Measuring what each rounding to float16 costs")
    ranges = value_ranges(trial.exact, (feeds_of(trial.inputs, sample),))
    roundings = trial.roundings(sample)
    if not needed:
        return Search(sample, roundings, ranges, Sensitivity((), report.psnr_db, minimal=True, executions=0))
    sensitivity = smallest_float32_set(
        trial.blend.choices,
        roundings,
        lambda kept: trial.judge(kept, first=sample.name),
        bar_db=trial.standard.bar_db,
        progress=progress,
    )
    return Search(sample, roundings, ranges, sensitivity)


def kept_operators(
    blend: Blend, kept: tuple[str, ...], ranges: Mapping[str, ValueRange], lines: Mapping[str, str]
) -> tuple[KeptOperator, ...]:
    """The operators `kept`, with the reason that their values or constants give."""
    found = []
    for pair in blend.pairs:
        if pair.name in kept:
            read = [blend.full.names.get(name, name) for names in pair.full.inputs.values() for name in names]
            values = [ranges[name] for name in (*read, *pair.full.outputs) if name in ranges]
            beyond = pair.forced or any(value.overflows for value in values)
            line = lines.get(pair.name)
            found.append(KeptOperator(pair.full.type, pair.name, "range" if beyond else "rounding", line))
    return tuple(found)


def _mixture(
    path: Path, blend: Blend, kept: tuple[str, ...], program: Program, found: Search | None = None
) -> MixedPrecision:
    """`kept`: what was found; what coremltools keeps in float32 of its own accord comes to it."""
    forced = tuple(pair.name for pair in blend.pairs if pair.forced)
    ranges = {} if found is None else found.ranges
    operators = kept_operators(blend, (*kept, *forced), ranges, source_lines(blend, program))
    minimal = not forced and (found is None or found.sensitivity.minimal)
    return MixedPrecision(path.name, len(blend.choices) + len(forced), operators, minimal)


def _insufficient(report: ParityReport, found: Sensitivity, blend: Blend) -> ParityError:
    count = len(blend.choices)
    return ParityError(
        f"no mixture of float16 and float32 equals the original: with all of the {count} operators in float32 the PSNR "
        f"is {found.psnr_db:.1f} dB, and the bar is {report.bar_db:g} dB",
        where=report.artifact,
        remedy="Not precision is the cause, or the model amplifies rounding: `mobiledeploy diagnose` shows where. "
        "Nothing was written.",
        psnr_db=report.psnr_db,
    )
