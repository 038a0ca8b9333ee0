"""A package in float16 with the fewest operators in float32 that parity needs.

convert in float16 ──check──▶ equal: done
                       └────▶ convert in float32, side by side ──▶ find the operators ──▶ convert again ──check──▶ done
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mobiledeploy.errors import ParityError, TargetError, UnsupportedError
from mobiledeploy.mil.loading import load
from mobiledeploy.parity.blend import Blend, blend_of, widened
from mobiledeploy.parity.check import standard_for
from mobiledeploy.parity.origins import source_lines
from mobiledeploy.parity.ranges import ValueRange, value_ranges
from mobiledeploy.parity.sensitivity import Sensitivity, smallest_float32_set
from mobiledeploy.parity.trial import Trial, feeds_of
from mobiledeploy.records import KeptOperator, MixedPrecision, ParityReport
from mobiledeploy.targets.target import ALL_ROUNDED, EveryName, Mixture

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

__all__ = [
    "MARGIN_DB",
    "Search",
    "check_request",
    "convert_full",
    "convert_half",
    "convert_mixed",
    "kept_operators",
    "open_trial",
    "search",
]

MARGIN_DB = 1.0
"""What a mixture is to have above its bar. Rounding falls differently in another order of summation: transformers'
HGNetV2 has 41.2 dB on one thread and 40.8 on two, and a package has to pass wherever it is checked again."""


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
            selectable = convert_full(target, program, conversion, full)
        with stages("mix", "Finding what has to stay in float32"):
            reference, bar_db = captured.reference, report.bar_db
            trial = open_trial(half, full, selectable, reference=reference, inputs=captured.inputs, bar_db=bar_db)
            found = search(trial, report.bar_db, stages.progress)
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


def convert_full(target: Target, program: Program, conversion: ConversionOptions, path: Path) -> frozenset[str]:
    """In float32, but on the same way as in float16. Gives the names of the operators that can be kept on that way."""
    every = EveryName()
    target.convert(program, replace(conversion, mixture=Mixture(kept=every, rounded=())), path)
    return frozenset(name for name in every.asked if isinstance(name, str))


def open_trial(
    half: Path,
    full: Path,
    selectable: frozenset[str],
    *,
    reference: Reference,
    inputs: tuple[InputSpec, ...],
    bar_db: float,
) -> Trial:
    """The packages `half` and `full` side by side, to be held against `reference`, with `MARGIN_DB` to spare."""
    model = load(half)
    blend = blend_of(model.function, load(full).function, selectable)
    return Trial(blend, model, inputs, reference, standard_for(inputs, "mixed", bar_db + MARGIN_DB))


def search(trial: Trial, bar_db: float, progress: Progress, *, needed: bool = True) -> Search:
    """The smallest set of operators to keep in float32; where it is not `needed`, because float16 passes, nothing.

    `bar_db`: what is asked in the end; `trial` asks more. With float32 throughout, passing the bar alone is enough.
    """
    progress.step("Measuring what each rounding to float16 costs")
    with _one_thread():
        sample = trial.worst_sample()
        ranges = value_ranges(trial.exact, (feeds_of(trial.inputs, sample),))
        roundings = trial.roundings(sample)
        if not needed:
            return Search(sample, roundings, ranges, Sensitivity((), math.inf, minimal=True, executions=0))
        sensitivity = smallest_float32_set(
            trial.blend.choices,
            roundings,
            lambda kept: trial.judge(kept, first=sample.name),
            bar_db=trial.standard.bar_db,
            progress=progress,
        )
        if sensitivity.kept is None:
            standard = replace(trial.standard, bar_db=bar_db)
            if replace(trial, standard=standard).judge(frozenset(trial.blend.choices)).passed:
                sensitivity = replace(sensitivity, kept=trial.blend.choices)
    return Search(sample, roundings, ranges, sensitivity)


@contextmanager
def _one_thread() -> Iterator[None]:
    """In the same order of summation on any number of threads: the set, and thereby the package, must be the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
