"""Approximations between capture and the exact rules, and the reference that goes with them.

captured ──▶ substituted ──exact rules──▶ rewritten ──convert──▶ package
    │             └── parity: is the package what was asked for?         │
    └──────────────── drift: how far is that from the original? ─────────┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mobiledeploy.errors import InputError, ParityError
from mobiledeploy.parity.comparison import Standard
from mobiledeploy.parity.drift import drift
from mobiledeploy.progress import SILENT
from mobiledeploy.records import RewriteLog
from mobiledeploy.rewrite.approximation import approximate
from mobiledeploy.rewrite.engine import Rewritten, rewrite
from mobiledeploy.rewrite.recipes import approximations
from mobiledeploy.rewrite.substitutions import substitutions

if TYPE_CHECKING:
    import torch

    from mobiledeploy.aten.program import Program
    from mobiledeploy.parity.reference import Reference
    from mobiledeploy.progress import Progress
    from mobiledeploy.records import ExportOptions
    from mobiledeploy.rewrite.proof import Outputs
    from mobiledeploy.rewrite.rule import Rule

__all__ = ["Approximating", "approximated_reference", "check_drift", "check_request", "rewrite_model"]


@dataclass(frozen=True)
class Approximating:
    """`rewritten`: after approximations and exact rules; its `outputs` are what the package has to equal. `captured`:
    the outputs of the graph as it was captured. `activation_errors`: as in `Proof`."""

    rewritten: Rewritten
    captured: Outputs
    activation_errors: Mapping[str, float] = field(default_factory=dict)


def check_request(options: ExportOptions) -> None:
    """Before any work. Raises InputError where the approximations cannot be made, or are bounded and none is."""
    wanted = substitutions(options.substitute)
    if options.min_drift_psnr is not None and not wanted:
        raise InputError(
            "nothing drifts without an approximation",
            where="--min-drift-psnr",
            remedy="Use --min-psnr, or ask for one with --substitute.",
        )


def rewrite_model(
    program: Program,
    options: ExportOptions,
    rules: Sequence[Rule],
    feeds: Sequence[Sequence[torch.Tensor]],
    progress: Progress = SILENT,
) -> Approximating:
    """The approximations of `options.substitute`, then `rules`, proven against what those left."""
    wanted = substitutions(options.substitute)
    if not wanted:
        rewritten = rewrite(program, rules, feeds, progress=progress)
        return Approximating(rewritten, rewritten.outputs)
    made = approximate(program, wanted, approximations(wanted), feeds, progress)
    rewritten = rewrite(made.program, rules, feeds, progress=progress)
    log = rewritten.log
    whole = RewriteLog((*made.records, *log.rules), made.records[0].before, log.after, log.relative_error)
    return Approximating(replace(rewritten, log=whole), made.outputs, made.activation_errors)


def approximated_reference(original: Reference, names: tuple[str, ...], outputs: Outputs) -> Reference:
    """The reference that a package with approximations is held to: `outputs` (float64, per sample and output), rounded
    to the types of the original's, which are kept beside them."""
    approximated = tuple(
        {
            name: np.asarray(value.numpy(), expected[name].dtype)
            for name, value in zip(names, sample_outputs, strict=True)
        }
        for expected, sample_outputs in zip(original.outputs, outputs, strict=True)
    )
    return replace(original, outputs=approximated, originals=original.outputs)


def check_drift(reference: Reference, least_db: float | None) -> None:
    """Raises ParityError where the approximations alone move an output further from the original than is allowed."""
    if least_db is None or not reference.originals:
        return
    for sample, original, found in zip(reference.samples, reference.originals, reference.outputs, strict=True):
        for output in drift(sample.name, original, found, Standard("float32", least_db), least_db):
            if not output.passed:
                raise ParityError(
                    f"the approximations leave output `{output.output}` {output.psnr_db:.1f} dB of the original on "
                    f"{output.input}, below {least_db:g} dB",
                    where="--min-drift-psnr",
                    remedy="Leave a --substitute out, or ask for less. Nothing was written.",
                )
