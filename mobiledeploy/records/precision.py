"""Which operators of a float16 program are in float32, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["KeptOperator", "MixedPrecision"]


@dataclass(frozen=True)
class KeptOperator:
    """`output`: the operator's first value in the program, by which it is known. `reason`: "range", a value that it
    reads or gives is beyond float16's largest number, 65504; "rounding", the outputs are too sensitive to what float16
    rounds off its values or weights. `line`: of PyTorch code."""

    operator: str
    output: str
    reason: Literal["range", "rounding"]
    line: str | None = None


@dataclass(frozen=True)
class MixedPrecision:
    """`kept`: the operators in float32, in the order of the program, of `operators` that could be in float16.
    `minimal`: without any one of them parity was seen to fail, or to hold by less than the decibel that was to be had
    above the bar."""

    artifact: str
    operators: int
    kept: tuple[KeptOperator, ...]
    minimal: bool
