"""How numbers and verdicts are worded, the same in every format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobiledeploy.records import (
        Divergence,
        KeptOperator,
        MixedPrecision,
        OutputParity,
        ParityReport,
        WeightsRecord,
    )

__all__ = [
    "agreement",
    "amount",
    "decibels",
    "divergence_sentence",
    "drift_sentence",
    "kept_reason",
    "mixture_sentence",
    "ranking_word",
    "ratio",
    "short_line",
    "size_text",
    "subject",
    "weights_sentence",
]

_STEPS = (("G", 1e9), ("M", 1e6), ("k", 1e3))


def decibels(psnr_db: float) -> str:
    """A PSNR in dB; "equal" for infinity, "-inf dB" where nothing can be compared."""
    return "equal" if psnr_db == math.inf else f"{psnr_db:.1f} dB"


def amount(count: int) -> str:
    """A number of things with three or four significant digits and a decimal prefix: 1.81 M, 704 k, 12."""
    for prefix, step in _STEPS:
        if count >= step:
            scaled = count / step
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {prefix}"
    return str(count)


def ratio(value: float | None) -> str:
    """A relative error: "0", "1.3e-15", or "-" where none was measured."""
    return "-" if value is None else "0" if value == 0 else f"{value:.1e}"


def ranking_word(output: OutputParity) -> str:
    """Of one output: "equal", "differs", "undecided" (a flip within the reference's own noise), the share of pixels
    that agree on their class, "-" (no ranking)."""
    if output.pixels is not None:
        return f"{math.floor(output.pixels * 1e4) / 1e2:.2f}% of pixels"
    if output.top1 is None:
        return "-"
    return "equal" if output.top1 else "differs" if output.margin_decides else "undecided"


def agreement(report: ParityReport) -> str:
    """On how many rankings the best class is the original's: "2 of 2", "-" where there are none."""
    ranked = [output.top1 for output in report.outputs if output.top1 is not None]
    return f"{sum(ranked)} of {len(ranked)}" if ranked else "-"


def subject(report: ParityReport) -> str:
    """What was executed: the artifact, and the size of the pictures where it takes several."""
    return report.artifact if report.size is None else f"{report.artifact} at {size_text(report.size)}"


def short_line(line: str | None) -> str:
    """A source line without the folders above an installed package; "-" for none."""
    return "-" if line is None else line.rpartition("/site-packages/")[2]


def size_text(size: tuple[int, int]) -> str:
    """(height, width) in pixels: "160x160"."""
    return f"{size[0]}x{size[1]}"


def drift_sentence(report: ParityReport) -> str:
    """How far approximations moved an artifact from the original, in one sentence; empty where none were made."""
    if not report.drift:
        return ""
    worst = min(output.psnr_db for output in report.drift)
    ranked = [output.top1 for output in report.drift if output.top1 is not None]
    agrees = f"; its best class is the original's on {sum(ranked)} of {len(ranked)}" if ranked else ""
    return f"Approximated as asked for, {subject(report)} is {decibels(worst)} from the original at worst{agrees}."


def divergence_sentence(divergence: Divergence) -> str:
    """Where an artifact leaves the original, in one sentence that ends in the PyTorch source line, if known."""
    line = f", from {divergence.line}" if divergence.line else ""
    return (
        f"The first operator to diverge is {divergence.operator} `{divergence.output}`: "
        f"{decibels(divergence.psnr_db)} after it, {decibels(divergence.input_psnr_db)} before it{line}."
    )


def kept_reason(kept: KeptOperator) -> str:
    """Why an operator is in float32."""
    return {
        "range": "a value beyond float16's 65504 goes in or comes out",
        "rounding": "the outputs are too sensitive to its rounding",
    }[kept.reason]


def mixture_sentence(mixed: MixedPrecision) -> str:
    """How much of a package is in float32: "x.mlpackage: 3 of 175 operators in float32, not one of them too many"."""
    if not mixed.kept:
        return f"{mixed.artifact}: float16 suffices, no operator is in float32"
    proven = ", not one of them too many" if mixed.minimal else ""
    return f"{mixed.artifact}: {len(mixed.kept)} of {mixed.operators} operators in float32{proven}"


def weights_sentence(weights: WeightsRecord) -> str:
    """Which weights an artifact carries: their kind, origin or seed, and the beginning of their hash."""
    kinds = {
        "pretrained": f"pretrained, {weights.origin}",
        "random": f"RANDOM, seed {weights.seed}",
        "file": f"from the file {weights.origin}",
        "own": "the model's own",
    }
    return f"{kinds[weights.kind]} (sha256 {weights.sha256[:12]})"
