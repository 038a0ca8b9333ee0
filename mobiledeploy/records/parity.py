"""How close an artifact's outputs are to the original model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Divergence", "OutputParity", "ParityReport"]


@dataclass(frozen=True)
class OutputParity:
    """One output on one input. `psnr_db`: 20 log10(peak / RMSE), peak = largest |reference|; infinity when equal.

    `max_absolute`, `max_relative`: largest |difference|, and the same over the peak. `cosine`: of the flattened arrays.
    `top1`, `top5`: agreement with the reference's ranking, None where the output is no ranking; `margin_decides` is
    False where the reference's own top-1 margin is within its fp16 noise, so that its top-1 is not held to account.
    `pixels`: of a map of classes at the input's size, the share of pixels whose best class agrees.
    """

    input: str
    output: str
    psnr_db: float
    max_absolute: float
    max_relative: float
    cosine: float
    top1: bool | None = None
    top5: float | None = None
    margin_decides: bool = True
    passed: bool = True
    reason: str | None = None
    pixels: float | None = None


@dataclass(frozen=True)
class Divergence:
    """The first operator whose output leaves the original's: `operator` of the package, its output's name, its PSNR,
    the worst PSNR of its inputs, and the PyTorch source `line` it came from."""

    operator: str
    output: str
    psnr_db: float
    input_psnr_db: float
    line: str | None = None


@dataclass(frozen=True)
class ParityReport:
    """One artifact file under one runner. `psnr_db`: the worst over outputs and inputs; `bar_db`: what was asked.
    `size`: of the pictures, (height, width), where the artifact takes several.

    `outputs` compares with the original model, or, where approximations were asked for, with the original in which they
    were made; `drift` then compares with the original as it was. Its entries pass but for a bound of the user's.
    """

    schema: ClassVar[str] = "mobiledeploy.parity/1"
    artifact: str
    runner: str
    precision: str
    bar_db: float
    psnr_db: float
    passed: bool
    outputs: tuple[OutputParity, ...]
    divergence: Divergence | None = None
    size: tuple[int, int] | None = None
    drift: tuple[OutputParity, ...] = ()
