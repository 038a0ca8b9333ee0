"""From what the user typed to a proven artifact.

resolve ──▶ prepare ──▶ capture ──▶ rewrite ──▶ convert ──▶ check ──▶ exports/NAME/
               └──── reference outputs of the original ──────┘
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from mobiledeploy.artifact import MANIFEST, REFERENCE, file_hashes, write_artifact
from mobiledeploy.aten.capture import capture
from mobiledeploy.aten.prepare import PreparedModule, prepare
from mobiledeploy.aten.program import Program
from mobiledeploy.errors import CaptureError, InputError, ParityError
from mobiledeploy.parity import reference as references
from mobiledeploy.parity.check import check as check_parity
from mobiledeploy.parity.feeds import program_feed
from mobiledeploy.parity.reference import Reference
from mobiledeploy.parity.samples import Sample, parity_samples
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import ExportOptions, InputSpec, Manifest, ParityReport, SourceRecord, codec
from mobiledeploy.rewrite.engine import Rewritten, rewrite
from mobiledeploy.rewrite.proof import Outputs
from mobiledeploy.rewrite.recipes import recipe
from mobiledeploy.rewrite.rule import Rule
from mobiledeploy.sources.labels import read_labels
from mobiledeploy.sources.resolve import resolve
from mobiledeploy.targets.table import target_named
from mobiledeploy.targets.target import ConversionOptions, Target

__all__ = ["ExportResult", "export", "original_runner", "typed_input", "worst_sample"]

# The captured graph in float64 against the module in float32: rounding leaves 1e-6; a graph that froze a random number
# or a training-time statistic is off by far more.
_CAPTURE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ExportResult:
    """`folder`: where the artifact now stands. `seconds`: per stage, wall clock."""

    folder: Path
    manifest: Manifest
    seconds: Mapping[str, float]


@dataclass
class _Stages:
    """Tells the progress which stage runs, and keeps how long each took."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str, label: str) -> Iterator[None]:
        self.progress.step(label)
        start = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


@dataclass(frozen=True)
class _Captured:
    """A model on its way: everything that the targets and the manifest need."""

    source: SourceRecord
    inputs: tuple[InputSpec, ...]
    outputs: tuple[str, ...]
    capture: str
    rewritten: Rewritten
    reference: Reference


def export(
    model: str,
    *,
    output: Path,
    options: ExportOptions,
    name: str | None = None,
    images: Path | None = None,
    progress: Progress = SILENT,
) -> ExportResult:
    """Converts `model` for every target of `options`, proves each equal to the original, and writes `output/NAME`.

    Raises any MobileDeployError; the folder is then as it was before.
    """
    stages = _Stages(progress)
    targets = tuple(target_named(target) for target in dict.fromkeys(options.targets))
    rules = recipe(options.skip)
    labels = None if options.labels is None else read_labels(options.labels)
    captured = _capture(model, options, rules, labels, images, stages)
    conversion = ConversionOptions(
        precision=options.precision,
        deployment_target=options.deployment_target,
        labels=labels,
        metadata=_metadata(captured),
    )
    title = name or captured.source.name
    manifests: list[Manifest] = []

    def build(folder: Path) -> None:
        reports = tuple(_convert(target, captured, conversion, options, folder / title, stages) for target in targets)
        with stages("write", "Writing the artifact"):
            references.save(captured.reference, folder / REFERENCE)
            manifests.append(_manifest(title, captured, options, targets, reports, folder))
            (folder / MANIFEST).write_text(codec.dumps(manifests[0]), encoding="utf-8")

    folder = write_artifact(output, title, build)
    return ExportResult(folder, manifests[0], stages.seconds)


def _capture(
    model: str,
    options: ExportOptions,
    rules: Sequence[Rule],
    labels: tuple[str, ...] | None,
    images: Path | None,
    stages: _Stages,
) -> _Captured:
    with stages("source", f"Loading {model}"):
        source = resolve(
            model,
            weights=options.weights,
            resolution=options.resolution,
            seed=options.seed,
            progress=stages.progress,
        )
        inputs = tuple(typed_input(spec, options.input_type) for spec in source.inputs)
        prepared = prepare(source.module, inputs, labels)
    with stages("reference", "Running the original model"):
        samples = parity_samples(inputs, images=images, seed=options.seed)
        reference = references.record_reference(original_runner(prepared), inputs, prepared.output_names, samples)
    with stages("capture", "Capturing the graph"):
        program = capture(prepared, inputs)
    with stages("rewrite", "Rewriting, with proof in float64"):
        rewritten = rewrite(program, rules, _feeds(inputs, samples), progress=stages.progress)
        _check_capture(rewritten.outputs, reference, prepared.output_names)
    return _Captured(source.record, inputs, prepared.output_names, program.capture, rewritten, reference)


def typed_input(spec: InputSpec, wanted: str | None) -> InputSpec:
    """An image where the source knows how pictures are prepared, unless the user says otherwise."""
    if wanted == "image" and spec.preprocessing is None:
        raise InputError(
            f"nobody knows how `{spec.name}` is prepared from a picture",
            where="--input-type image",
            remedy="Use --input-type tensor, or give the model a `pretrained_cfg` with mean and std.",
        )
    if wanted is None:
        return replace(spec, kind="tensor" if spec.preprocessing is None else "image")
    return replace(spec, kind="image" if wanted == "image" else "tensor")


def original_runner(prepared: PreparedModule) -> Callable[..., tuple[np.ndarray, ...]]:
    def run(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        with torch.no_grad():
            outputs = prepared(*(torch.from_numpy(np.array(array)) for array in arrays))
        return tuple(value.numpy() for value in outputs)

    return run


def _feeds(inputs: tuple[InputSpec, ...], samples: Sequence[Sample]) -> list[list[torch.Tensor]]:
    return [[torch.from_numpy(np.array(program_feed(s, sample.arrays[s.name]))) for s in inputs] for sample in samples]


def _check_capture(captured: Outputs, reference: Reference, names: tuple[str, ...]) -> None:
    for outputs, expected in zip(captured, reference.outputs, strict=True):
        for name, value in zip(names, outputs, strict=True):
            original = np.asarray(expected[name], np.float64)
            peak = max(float(np.abs(original).max(initial=0.0)), 1e-30)
            if not float(np.abs(value.numpy() - original).max(initial=0.0)) <= _CAPTURE_TOLERANCE * peak:
                raise CaptureError(
                    f"the captured graph does not compute output `{name}` as the model does",
                    remedy="Does its forward() draw random numbers or keep state? Make it a function of its inputs.",
                )


def _convert(
    target: Target,
    captured: _Captured,
    conversion: ConversionOptions,
    options: ExportOptions,
    stem: Path,
    stages: _Stages,
) -> ParityReport:
    path = stem.with_name(stem.name + target.suffix)
    with stages(f"convert {target.name}", f"Converting for {target.name}"):
        target.convert(captured.rewritten.program, conversion, path)
    with stages(f"check {target.name}", f"Executing the {target.name} program and comparing"):
        report = check_parity(
            path,
            captured.reference,
            captured.inputs,
            runner=target.runner,
            precision=target.precision(conversion),
            bar_db=options.min_psnr,
        )
        if not report.passed:
            raise _parity_error(_with_divergence(report, path, captured))
    return report


def _with_divergence(report: ParityReport, path: Path, captured: _Captured) -> ParityReport:
    if report.runner != "mil":
        return report
    from mobiledeploy.parity.divergence import first_divergence

    sample = worst_sample(report, captured.reference)
    found = first_divergence(path, captured.rewritten.program, sample, bar_db=report.bar_db)
    return replace(report, divergence=found)


def worst_sample(report: ParityReport, reference: Reference) -> Sample:
    failed = [output for output in report.outputs if not output.passed]
    worst = min(failed, key=lambda output: output.psnr_db if output.psnr_db == output.psnr_db else -np.inf)
    return next(sample for sample in reference.samples if sample.name == worst.input)


def _parity_error(report: ParityReport) -> ParityError:
    failed = next(output for output in report.outputs if not output.passed)
    reason = failed.reason or f"PSNR {report.psnr_db:.1f} dB"
    found = report.divergence
    where = f"{report.artifact}, output `{failed.output}` on {failed.input}"
    if found is not None:
        line = f", {found.line}" if found.line else ""
        where += f"; first at {found.operator} `{found.output}` ({found.psnr_db:.1f} dB{line})"
    return ParityError(
        f"the converted model does not equal the original: {reason}",
        where=where,
        remedy="--precision float32 tells whether fp16's range or rounding is the cause. Nothing was written.",
    )


def _metadata(captured: _Captured) -> dict[str, str]:
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
    return metadata | ({"license": source.license} if source.license else {})


def _preprocessing(spec: InputSpec) -> str:
    known = spec.preprocessing
    if known is None:
        return f"{spec.name}: as the model takes it"
    where = "inside the model" if spec.kind == "image" else "before the model"
    return f"{spec.name}: {known.color}, (pixel/255 - {list(known.mean)}) / {list(known.std)}, {where}"


def _manifest(
    title: str,
    captured: _Captured,
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
        options=replace(options, weights=_portable(options.weights), labels=_portable(options.labels)),
        inputs=captured.inputs,
        outputs=captured.outputs,
        capture=captured.capture,
        rewrite=captured.rewritten.log,
        parity=reports,
        versions=dict(sorted(versions.items())),
        files=file_hashes(folder),
    )


def _portable(path: str | None) -> str | None:
    """Without the folders of this machine, which must not change the bytes."""
    return path if path is None else Path(path).name
