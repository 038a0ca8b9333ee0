"""What a look into a package found: where it leaves the original, and what float16 does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mobiledeploy.records.parity import ParityReport
from mobiledeploy.records.precision import MixedPrecision

__all__ = ["Diagnosis", "OperatorDiagnosis"]


@dataclass(frozen=True)
class OperatorDiagnosis:
    """One operator of the package, on one sample. `output`: its first value.

    `psnr_db`: of its values against what they ought to be, at worst; `input_psnr_db`: of the values it reads.
    `largest`: the largest finite |value| that it gives in float32, None where it gives no floating value; `smallest`:
    the smallest that is not zero; `subnormal`: the share of the nonzero ones below 6.1e-5, where float16 loses bits.
    `headroom`: 65504 over `largest`: below 1, it overflows. `rounding_db`: the PSNR that the outputs would keep if
    nothing but its result and its weights were rounded to float16, as estimated by gradients: minus infinity where it
    overflows, None where nothing of it is rounded. `in_float16`: what the package computes it in. `line`: of PyTorch
    code.
    """

    operator: str
    output: str
    psnr_db: float
    input_psnr_db: float
    in_float16: bool
    largest: float | None = None
    smallest: float | None = None
    subnormal: float = 0.0
    headroom: float | None = None
    rounding_db: float | None = None
    line: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """`subject`: what was asked for. `original`: whether the package was held against the PyTorch model; if not, `note`
    says why, and against what instead. `parity`: of the package as a whole. `sample`: on which the operators were
    looked at, the one that came off worst. `operators`: those that the package leaves the original at first, then by
    how much each makes things worse. `mixed`: the fewest operators in float32 with which parity holds; None where even
    all of them do not suffice. `mixed_db`: the PSNR with them, or with all. `advice`: what to do next."""

    schema: ClassVar[str] = "mobiledeploy.diagnosis/1"
    subject: str
    original: bool
    note: str | None
    parity: ParityReport
    sample: str
    operators: tuple[OperatorDiagnosis, ...]
    mixed: MixedPrecision | None
    mixed_db: float
    advice: str
