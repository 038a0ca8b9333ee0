"""What an artifact says of itself: the package's metadata, the manifest, and the proof.

Nothing in the first two may depend on the machine, the folder or the time: the same inputs give the same bytes.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mobiledeploy.artifact import file_hashes
from mobiledeploy.records import (
    ExportOptions,
    InputSpec,
    Manifest,
    MixedPrecision,
    ParityClaim,
    ParityReport,
    Proof,
    RefusalRecord,
    RewriteLog,
    RuleRecord,
)

if TYPE_CHECKING:
    from mobiledeploy.pipeline.capturing import Captured
    from mobiledeploy.targets.target import Target

__all__ = ["make_manifest", "make_proof", "package_metadata", "portable_mixtures"]


def package_metadata(captured: Captured) -> dict[str, str]:
    """What the package says of itself, in Core ML's own keys where it has them."""
    source, log = captured.source, captured.rewritten.log
    metadata = {
        "author": "mobiledeploy",
        "short_description": f"{source.architecture}, {source.weights.kind} weights",
        "version": version("mobiledeploy"),
        "mobiledeploy.source": source.identifier,
        "mobiledeploy.weights": source.weights.kind,
        "mobiledeploy.weights.sha256": source.weights.sha256,
        "mobiledeploy.operators": f"{log.before.operators} captured, {log.after.operators} rewritten",
        "mobiledeploy.preprocessing": "; ".join(_preprocessing(spec) for spec in captured.inputs),
    }
    made = _approximations(captured)
    if made:
        metadata["mobiledeploy.approximations"] = ", ".join(made)
    return metadata | ({"license": source.license} if source.license else {})


def _preprocessing(spec: InputSpec) -> str:
    known = spec.preprocessing
    if known is None:
        return f"{spec.name}: as the model takes it"
    where = "inside the model" if spec.kind == "image" else "before the model"
    return f"{spec.name}: {known.color}, (pixel/255 - {list(known.mean)}) / {list(known.std)}, {where}"


def make_manifest(
    title: str,
    captured: Captured,
    *,
    options: ExportOptions,
    targets: Sequence[Target],
    reports: tuple[ParityReport, ...],
    folder: Path,
) -> Manifest:
    versions = {"mobiledeploy": version("mobiledeploy")}
    for target in targets:
        versions |= target.versions()
    return Manifest(
        name=title,
        source=captured.source,
        options=replace(options, weights=Path(options.weights).name, labels=_portable(options.labels)),
        inputs=captured.inputs,
        outputs=captured.outputs,
        capture=captured.capture,
        rewrite=_portable_log(captured.rewritten.log),
        parity=tuple(_claim(report, _approximations(captured)) for report in reports),
        versions=dict(sorted(versions.items())),
        files=file_hashes(folder),
    )


def make_proof(sized: Sequence[Captured], reports: tuple[ParityReport, ...]) -> Proof:
    """`sized`: the model at each of its sizes; of an error that several of them have, the largest counts."""
    logs = [captured.rewritten.log for captured in sized]
    errors = _largest(
        {rule.rule: rule.relative_error for rule in log.rules if rule.relative_error is not None} for log in logs
    )
    conditions = {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
    }
    whole = max(log.relative_error or 0.0 for log in logs)
    activations = _largest(captured.activation_errors for captured in sized)
    return Proof(conditions, whole, errors, reports, activations)


def _largest(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of each name the largest number."""
    result: dict[str, float] = {}
    for errors in found:
        result |= {name: max(error, result.get(name, error)) for name, error in errors.items()}
    return result


def _approximations(captured: Captured) -> tuple[str, ...]:
    """Those that found something to replace."""
    rules = captured.rewritten.log.rules
    return tuple(rule.rule for rule in rules if rule.kind == "approximation" and rule.matches)


def _claim(report: ParityReport, approximations: tuple[str, ...]) -> ParityClaim:
    return ParityClaim(
        report.artifact,
        report.runner,
        report.precision,
        report.bar_db,
        samples=tuple(dict.fromkeys(output.input for output in report.outputs)),
        outputs=tuple(dict.fromkeys(output.output for output in report.outputs)),
        approximations=approximations,
        size=report.size,
    )


def portable_mixtures(mixtures: Sequence[MixedPrecision]) -> tuple[MixedPrecision, ...]:
    """Source lines without the folders of this machine."""
    return tuple(
        replace(mixed, kept=tuple(replace(kept, line=_portable_line(kept.line)) for kept in mixed.kept))
        for mixed in mixtures
    )


def _portable(path: str | None) -> str | None:
    """Without the folders of this machine, which must not change the bytes."""
    return path if path is None else Path(path).name


def _portable_log(log: RewriteLog) -> RewriteLog:
    rules = tuple(replace(r, refusals=_portable_refusals(r), relative_error=None) for r in log.rules)
    return replace(log, rules=rules, relative_error=None)


def _portable_refusals(rule: RuleRecord) -> tuple[RefusalRecord, ...]:
    return tuple(replace(refusal, line=_portable_line(refusal.line)) for refusal in rule.refusals)


def _portable_line(line: str | None) -> str | None:
    """`…/site-packages/timm/models/fastvit.py:12` from the package on, a user's own file by its name."""
    if line is None:
        return None
    _, found, rest = line.rpartition("/site-packages/")
    return rest if found else Path(line).name
